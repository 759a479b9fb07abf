package drills_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/drills"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

func setup(t *testing.T) trial.Setup {
	t.Helper()
	sc := scenarios.Scenario{Slug: "echo", Roles: []scenarios.Role{{Name: "echo", Count: 1}}}
	s := &stack.Stack{Instances: []*stack.Instance{{Role: "echo", URL: "http://127.0.0.1:1", AdminURL: "http://127.0.0.1:1"}}}
	return trial.NewSetup(sc, s, 100, 1, 10*time.Second, 60*time.Second)
}

func overload() scenarios.Drill {
	return scenarios.Drill{Name: "overload", Lasts: 30 * time.Second, Admits: 200}
}

func TestAnOverloadIsTwiceWhatIsAdmittedForItsTimeAndHalfOfItElse(t *testing.T) {
	s := setup(t)
	schedule := drills.OverloadArrivals(overload(), s)(100)
	perSecond := map[time.Duration]int{}
	last := time.Duration(0)
	for k := int64(0); ; k++ {
		due, ok := schedule.At(k)
		if !ok {
			break
		}
		if due < last {
			t.Fatalf("arrival %d is due %s, before the one before it", k, due)
		}
		last = due
		perSecond[due.Truncate(time.Second)]++
	}
	if len(perSecond) != 70 {
		t.Errorf("arrivals in %d seconds, want 70", len(perSecond))
	}
	for at, n := range perSecond {
		want := 100
		if at >= s.FaultBegins() && at < s.FaultBegins()+30*time.Second {
			want = 400
		}
		if n != want {
			t.Errorf("%d arrivals in the second from %s, want %d", n, at, want)
		}
	}
}

// seconds is a flow of which every second looks the same, but for the peak.
func seconds(peak engine.Second) engine.FlowResult {
	f := engine.FlowResult{Name: "requests"}
	for i := range 80 {
		s := engine.Second{Second: i, Seconds: 1, Intended: 100, OK: 100, P99: time.Millisecond}
		if i >= 30 && i < 60 {
			s = peak
			s.Second, s.Seconds = i, 1
		}
		f.Series = append(f.Series, s)
	}
	return f
}

func TestAnOverloadIsJudgedByWhatIsServedAndHowTheRestIsRefused(t *testing.T) {
	s := setup(t)
	plan, err := drills.Plan(overload(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		peak engine.Second
		want judge.Verdict
	}{
		{"serves its limit, refuses the rest", engine.Second{Intended: 400, OK: 195, Refused: 205}, judge.Pass},
		{"serves less than its limit", engine.Second{Intended: 400, OK: 100, Refused: 300}, judge.Fail},
		{"lets the rest time out", engine.Second{Intended: 400, OK: 195, Refused: 200, Errors: 5}, judge.Fail},
		{"has no limit", engine.Second{Intended: 400, OK: 400}, judge.Fail},
	} {
		o := trial.Observed{
			Flows: []engine.FlowResult{seconds(tt.peak)}, TargetP99: 10 * time.Millisecond, Recovery: 2 * time.Second,
			Marks: []faults.Mark{{Begin: 30 * time.Second, End: 30 * time.Second}, {Begin: 60 * time.Second, End: 60 * time.Second}},
		}
		if got := worst(plan.Judge(o)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// runner is that of a Worker: it notes the faults that it is to make, and has met three.
type runner struct{ asked []string }

func (r *runner) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.asked = append(r.asked, req.URL.Path+" "+string(body))
	_, _ = io.WriteString(w, `{"hits":3}`) // the test sees what is missing
}

func TestFaultsOfBindingsAreMadeByTheWorkersRunner(t *testing.T) {
	for _, tt := range []struct {
		drill string
		want  []string
	}{
		{"outage", []string{`/faults/KV {"effect":"away","share":0}`, `/faults/KV {"effect":"none","share":0}`}},
		{"lostack", []string{`/faults/KV {"effect":"lost","share":0.3}`, `/faults/KV {"effect":"none","share":0}`}},
	} {
		r := &runner{}
		server := httptest.NewServer(r)
		defer server.Close()
		s := setup(t)
		s.Scenario.Roles[0].Worker, s.Stack.Instances[0].AdminURL = "cloudflare/echo/wrangler.jsonc", server.URL
		plan, err := drills.Plan(scenarios.Drill{Name: tt.drill, Lasts: time.Second, Bindings: []string{"KV"}}, s, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range plan.Steps {
			if err := step.Do(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(r.asked, tt.want) {
			t.Errorf("%s: the runner is asked for %q, want %q", tt.drill, r.asked, tt.want)
		}
		checks := plan.Judge(trial.Observed{Flows: []engine.FlowResult{seconds(engine.Second{})}})
		if tt.drill == "lostack" && checks[0].Sentence != "3 answers were lost after the operation was executed" {
			t.Errorf("lostack: %s", checks[0].Sentence)
		}
	}
}

func worst(checks []judge.Check) judge.Verdict {
	for _, c := range checks {
		if c.Verdict == judge.Fail {
			return judge.Fail
		}
	}
	return judge.Pass
}

func TestADrillThatTheCatalogueDescribesInPartIsRefused(t *testing.T) {
	for _, d := range []scenarios.Drill{
		{Name: "freeze", Role: "echo"},
		{Name: "freeze", Lasts: time.Second, Role: "nosuch"},
		{Name: "outage", Lasts: time.Second},
		{Name: "lostack", Lasts: time.Second},
		{Name: "lostack", Bindings: []string{"KV"}},
		{Name: "outage", Servers: []string{"redis"}},
	} {
		if _, err := drills.Plan(d, setup(t), nil); err == nil {
			t.Errorf("%+v is planned, want an error", d)
		}
	}
}
