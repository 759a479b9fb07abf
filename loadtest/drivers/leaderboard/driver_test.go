package leaderboard

import (
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

func newDriver(t *testing.T) *Driver {
	t.Helper()
	sc, _ := scenarios.Find("leaderboard")
	s := &stack.Stack{Instances: []*stack.Instance{
		{Role: "api", URL: "http://127.0.0.1:1", AdminURL: "http://127.0.0.1:3"},
		{Role: "before", URL: "http://127.0.0.1:2", AdminURL: "http://127.0.0.1:4"},
	}}
	d, err := New(trial.NewSetup(sc, s, 1000, 50, 0, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestASubmissionIsTheSameInEveryAttempt(t *testing.T) {
	d := newDriver(t)
	keys := map[string]bool{}
	for k := range int64(200) {
		s := d.submission(k)
		if s != d.submission(k) {
			t.Fatalf("submission %d differs when asked again", k)
		}
		if s.score < 0 || s.score > 2_097_151 {
			t.Errorf("submission %d has score %d", k, s.score)
		}
		keys[s.key] = true
	}
	if len(keys) != 200 {
		t.Errorf("%d keys in 200 submissions", len(keys))
	}
}

// improvement is one that was sent, answered and numbered at these times.
func improvement(key string, sent, read int, sequence int64) acceptance {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	return acceptance{submission: submission{key: key}, receipt: receipt{Sequence: sequence}, sent: at(sent), read: at(read)}
}

func TestOrderIsJudgedOnlyWhereOneAnswerCameBeforeTheOtherRequest(t *testing.T) {
	for _, tt := range []struct {
		name string
		all  []acceptance // by sequence
		want string       // in the sentence
	}{
		{"one after the other", []acceptance{improvement("a", 0, 1, 1), improvement("b", 2, 3, 2)}, ""},
		{"at once, the other way round", []acceptance{improvement("b", 2, 3, 1), improvement("a", 0, 9, 2)}, ""},
		{"the later one was numbered first", []acceptance{improvement("b", 2, 3, 1), improvement("a", 0, 1, 2)}, "before b was sent"},
		{"one number for two", []acceptance{improvement("a", 0, 1, 1), improvement("b", 0, 1, 1)}, "both accepted"},
	} {
		if got := outOfOrder(tt.all); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestAPageMustEqualTheTable(t *testing.T) {
	board := []standing{
		{Rank: 1, Player: "a", Name: "A", Score: 9, sequence: 4},
		{Rank: 2, Player: "b", Name: "B", Score: 9, sequence: 7},
	}
	for _, tt := range []struct {
		name    string
		entries []standing
		n       int
		same    bool
	}{
		{"as it is", board, 1, true},
		{"an empty page beyond the end", nil, 2, true},
		{"a tie the other way round", []standing{{Rank: 1, Player: "b", Name: "B", Score: 9}, {Rank: 2, Player: "a", Name: "A", Score: 9}}, 1, false},
		{"another name", []standing{board[0], {Rank: 2, Player: "b", Name: "?", Score: 9}}, 1, false},
		{"one missing", board[:1], 1, false},
	} {
		if got := differs(tt.entries, board, tt.n); (got == "") != tt.same {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}

func TestTheBestScoreMayOnlyBeRaisedByWhatWasNotAnswered(t *testing.T) {
	d := newDriver(t)
	d.accepted.seed(scoreBody{Player: "p", Score: 10})
	d.accepted.add(acceptance{submission: submission{player: "p", score: 20}})
	d.accepted.lose(submission{player: "p", score: 30})
	for score, want := range map[int64]string{10: "fail", 20: "pass", 30: "pass", 40: "fail"} {
		if c := d.judgeTruth([]standing{{Player: "p", Score: score}}); string(c.Verdict) != want {
			t.Errorf("table with %d: %s, want %s: %s", score, c.Verdict, want, c.Sentence)
		}
	}
}
