package leaderboard

import (
	"strconv"
	"testing"
	"testing/quick"
)

func TestWeightsOrderByScoreAndThenByWhoCameFirst(t *testing.T) {
	for _, tt := range []struct {
		name                      string
		score, sequence           int64
		otherScore, otherSequence int64
	}{
		{"a point more", 11, 2, 10, 1},
		{"a point more, though it came last of all", 11, MaxSequence, 10, 1},
		{"equal, but earlier", 10, 1, 10, 2},
		{"equal at the upper limits", MaxScore, MaxSequence - 1, MaxScore, MaxSequence},
		{"equal at the lower limits", 0, 1, 0, 2},
	} {
		a, b := weigh(tt.score, tt.sequence), weigh(tt.otherScore, tt.otherSequence)
		if a <= b || float64(a) <= float64(b) {
			t.Errorf("%s: weigh(%d, %d) = %d is not above weigh(%d, %d) = %d", tt.name, tt.score, tt.sequence, a, tt.otherScore, tt.otherSequence, b)
		}
	}
}

func TestEveryWeightSurvivesTheFloatOfASortedSet(t *testing.T) {
	same := func(score uint32, sequence uint32) bool {
		s, n := int64(score%(MaxScore+1)), int64(sequence)
		weight := weigh(s, n)
		gotScore, gotSequence := unweigh(int64(float64(weight)))
		printed, err := scoreOf(strconv.FormatFloat(float64(weight), 'f', -1, 64))
		return gotScore == s && gotSequence == n && printed == s && err == nil
	}
	if err := quick.Check(same, nil); err != nil {
		t.Error(err)
	}
	if limit := weigh(MaxScore, 0); limit != 1<<53-1 {
		t.Errorf("the largest weight is %d, want 2⁵³−1: what a float64 holds exactly", limit)
	}
}
