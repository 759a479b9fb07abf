package report_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/machine"
	"github.com/provingground/provingground/loadtest/report"
)

func resolved(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(report.JSONSchema(), &s); err != nil {
		t.Fatal(err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// asJSON returns what is written, as any JSON reader sees it.
func asJSON(t *testing.T, r *report.Report) map[string]any {
	t.Helper()
	var out bytes.Buffer
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// measuredReport is of a run that has a bit of everything.
func measuredReport(t *testing.T) *report.Report {
	t.Helper()
	var r *report.Report
	synctest.Test(t, func(t *testing.T) {
		send := senderFunc(func(_ context.Context, k int64) engine.Outcome {
			time.Sleep(time.Duration(k%50) * time.Millisecond)
			return engine.Outcome{Kind: engine.Kind(k % 11), Status: int(200 + k%400)}
		})
		made := func(int) (engine.Sender, error) { return send, nil }
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		res, err := engine.Run(ctx, engine.Options{},
			engine.Flow{Name: "reads", Schedule: engine.Poisson{Rate: 200, Duration: time.Hour}, WarmUp: time.Second, New: made},
			engine.Flow{Name: "users", Closed: &engine.ClosedLoop{Users: 5, Think: 100 * time.Millisecond, Duration: time.Hour}, New: made})
		if err != nil {
			t.Fatal(err)
		}
		r = report.New(res)
	})
	r.Scenario, r.Command, r.Host = "test", "go test", report.HostOf(machine.Describe())
	r.CPU = report.CPUOf(machine.Usage{Window: time.Second, Processes: []machine.ProcessUsage{{Process: machine.Process{Name: "api", Group: machine.Role}}}})
	r.Reference = report.ReferenceOf(machine.Reference{Rate: 10_000})
	r.Checks = []report.Check{{Name: "all", Result: report.Pass, Sentence: "it holds"}}
	r.Conclude()
	return r
}

func TestReportsAreAsTheirSchemaSays(t *testing.T) {
	schema := resolved(t)
	for name, r := range map[string]*report.Report{"sample": sample(), "measured": measuredReport(t)} {
		if err := schema.Validate(asJSON(t, r)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheSchemaRefusesWhatIsNoReport(t *testing.T) {
	schema := resolved(t)
	for name, change := range map[string]func(v, flow map[string]any){
		"another version":     func(v, _ map[string]any) { v["schema"] = 2.0 },
		"no verdict":          func(v, _ map[string]any) { delete(v, "verdict") },
		"another verdict":     func(v, _ map[string]any) { v["verdict"] = "fine" },
		"an unknown field":    func(v, _ map[string]any) { v["more"] = 1.0 },
		"a model of its own":  func(_, flow map[string]any) { flow["model"] = "half open" },
		"a negative duration": func(_, flow map[string]any) { flow["lag"].(map[string]any)["p50_ms"] = -1.0 },
		"an unknown kind": func(_, flow map[string]any) {
			flow["counts"].(map[string]any)["kinds"].(map[string]any)["odd"] = 1.0
		},
	} {
		v := asJSON(t, sample())
		change(v, v["flows"].([]any)[0].(map[string]any))
		if err := schema.Validate(v); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAnInterruptedRunSaysSoEverywhere(t *testing.T) {
	r := measuredReport(t)
	if !r.Interrupted || r.Verdict != report.Invalid || !strings.HasPrefix(r.Reason, "interrupted after 4") {
		t.Errorf("interrupted=%t, %s: %s", r.Interrupted, r.Verdict, r.Reason)
	}
	if f := r.Flows[0]; f.Counts.Intended < 500 || f.Counts.Intended > 700 || f.Counts.Unsent > 0 {
		t.Errorf("counts are %+v, want those of what ran", f.Counts)
	}
	var text, page bytes.Buffer
	if err := r.WriteTerminal(&text, false); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"interrupted after 4", "closed loop, 5 users thinking 100ms", "Poisson 200/s"} {
		if !strings.Contains(text.String(), want) || !strings.Contains(page.String(), want) {
			t.Errorf("terminal or page lacks %q", want)
		}
	}
	r.Checks[0].Result = report.Fail
	if r.Conclude(); r.Verdict != report.Fail {
		t.Errorf("verdict %s, want fail: what failed before the interruption stays failed", r.Verdict)
	}
}

func TestOnlyThisSchemaIsRead(t *testing.T) {
	for text, want := range map[string]string{`{"schema":2}`: "schema 2", `{}`: "schema 0", `{`: "unexpected", `[]`: "array"} {
		if _, err := report.ReadJSON(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", text, err, want)
		}
	}
}

type senderFunc func(context.Context, int64) engine.Outcome

func (f senderFunc) Send(ctx context.Context, k int64) engine.Outcome { return f(ctx, k) }
func (senderFunc) Close() error                                       { return nil }
