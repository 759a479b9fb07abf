package trial_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

func TestCountersOfAllProcessesAreSummedAndOneThatIsAwayCountsAsZero(t *testing.T) {
	page := func(text string) *stack.Instance {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(text)) }))
		t.Cleanup(srv.Close)
		return &stack.Instance{Role: "api", AdminURL: srv.URL}
	}
	s := trial.Setup{Scenario: scenarios.Scenario{Slug: "echo"}, Stack: &stack.Stack{Instances: []*stack.Instance{
		page("# HELP echo_hits hits\necho_hits{layer=\"memory\"} 3\ngo_threads 9\n"),
		page("echo_hits{layer=\"memory\"} 4\necho_bad x\n"),
		{Role: "api", AdminURL: "http://127.0.0.1:1"},
	}}}
	got := s.Scrape(t.Context())
	if len(got) != 1 || got[`echo_hits{layer="memory"}`] != 7 {
		t.Errorf("Scrape = %v, want one counter of 7", got)
	}
}

func TestAShortRunHasItsFaultEarlyAndShort(t *testing.T) {
	d := scenarios.Drill{Lasts: time.Minute, Recovery: 5 * time.Second}
	long := trial.Setup{WarmUp: 10 * time.Second, Duration: trial.DrillTime(d)}
	if at := long.FaultBegins(); at != 30*time.Second {
		t.Errorf("the fault of a run of %s begins at %s, want 30s", long.Duration, at)
	}
	if lasts := trial.Shorten(scenarios.Drill{Lasts: 2 * time.Minute}, trial.DrillTime(scenarios.Drill{Lasts: 2 * time.Minute})).Lasts; lasts != 2*time.Minute {
		t.Errorf("a fault of two minutes is cut to %s in a run that is as long as it should be", lasts)
	}
	short := trial.Setup{WarmUp: time.Second, Duration: 10 * time.Second}
	if at, lasts := short.FaultBegins(), trial.Shorten(d, short.Duration).Lasts; at != 5500*time.Millisecond || lasts != 4*time.Second {
		t.Errorf("the fault of a short run begins at %s and lasts %s, want 5.5s and 4s", at, lasts)
	}
}
