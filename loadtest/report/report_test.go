package report_test

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/machine"
	"github.com/provingground/provingground/loadtest/report"
)

func TestTheChecksDecide(t *testing.T) {
	check := func(v report.Verdict) report.Check {
		return report.Check{Name: "n", Result: v, Sentence: "sentence " + string(v)}
	}
	pass, fail, invalid := check(report.Pass), check(report.Fail), check(report.Invalid)
	for name, tc := range map[string]struct {
		checks []report.Check
		want   report.Verdict
		code   int
		reason string
	}{
		"none":                 {nil, report.Invalid, 3, "nothing was checked"},
		"one holds":            {[]report.Check{pass}, report.Pass, 0, "sentence pass"},
		"all hold":             {[]report.Check{pass, pass}, report.Pass, 0, "all 2 checks hold"},
		"one is invalid":       {[]report.Check{pass, invalid}, report.Invalid, 3, "sentence invalid"},
		"failed over invalid":  {[]report.Check{invalid, fail}, report.Fail, 1, "sentence fail"},
		"several fail":         {[]report.Check{fail, fail, pass, fail}, report.Fail, 1, "sentence fail (and 2 more)"},
		"no result is no pass": {[]report.Check{pass, {Sentence: "unset"}}, report.Fail, 1, "unset"},
	} {
		t.Run(name, func(t *testing.T) {
			r := report.Report{Checks: tc.checks}
			r.Conclude()
			if r.Verdict != tc.want || r.Reason != tc.reason || r.Verdict.ExitCode() != tc.code {
				t.Errorf("got %s %d %q, want %s %d %q", r.Verdict, r.Verdict.ExitCode(), r.Reason, tc.want, tc.code, tc.reason)
			}
		})
	}
}

func TestTheLastLineIsTheVerdict(t *testing.T) {
	for _, color := range []bool{false, true} {
		var out bytes.Buffer
		if err := sample().WriteTerminal(&out, color); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "\x1b["); got != color {
			t.Errorf("color %t: escape codes %t", color, got)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if last := lines[len(lines)-1]; !strings.Contains(last, "verdict: fail") {
			t.Errorf("last line is %q", last)
		}
	}
}

func TestTheJSONIsReadBackAsItWas(t *testing.T) {
	want := sample()
	var out bytes.Buffer
	if err := want.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var got report.Report
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, want) {
		t.Errorf("read back %+v", got)
	}
}

// hostile is text that would break out of any of the three forms.
const hostile = `</title></style></svg><script>alert(1)</script>"'` + "\x1b[2J\r\n"

func hostileReport() *report.Report {
	r := sample()
	r.Scenario, r.Title, r.Drill, r.Command, r.Reason = hostile, hostile, hostile, hostile, hostile
	r.Host.CPU, r.Host.OS = hostile, hostile
	for i := range r.Checks {
		r.Checks[i].Name, r.Checks[i].Sentence = hostile, hostile
	}
	for i := range r.Flows {
		r.Flows[i].Name = hostile
	}
	for i := range r.Marks {
		r.Marks[i].Text = hostile
	}
	for i := range r.Facts {
		r.Facts[i] = report.Fact{Name: hostile, Value: hostile, Note: hostile}
	}
	r.CPU.Processes[0].Name = hostile
	return r
}

func TestNoTextBreaksOutOfThePage(t *testing.T) {
	var out bytes.Buffer
	if err := hostileReport().WriteHTML(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "<script") {
		t.Error("a script got into the page")
	}
	if n := strings.Count(out.String(), "</style>"); n != 1 {
		t.Errorf("%d ends of style, want 1", n)
	}
}

func TestNoTextSteersTheTerminal(t *testing.T) {
	var out bytes.Buffer
	if err := hostileReport().WriteTerminal(&out, false); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\r") {
		t.Error("control characters got through")
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "verdict: fail") {
		t.Errorf("last line is %q", last)
	}
}

func TestThePageLoadsNothing(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WriteHTML(&out); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{`(?i)\b(src|href|srcset|action)\s*=`, `(?i)@import`, `(?i)url\(`, `https?://`} {
		if found := regexp.MustCompile(pattern).FindString(out.String()); found != "" {
			t.Errorf("the page holds %q", found)
		}
	}
}

func TestAReportOfNothingIsWritten(t *testing.T) {
	empty := report.New(&engine.Result{Flows: []engine.FlowResult{}})
	empty.Conclude()
	noSeconds := &report.Report{Flows: []report.Flow{{Name: "idle"}}}
	for _, r := range []*report.Report{empty, noSeconds} {
		var out bytes.Buffer
		for _, write := range []func() error{
			func() error { return r.WriteTerminal(&out, true) },
			func() error { return r.WriteJSON(&out) },
			func() error { return r.WriteHTML(&out) },
		} {
			if err := write(); err != nil {
				t.Error(err)
			}
		}
		if strings.Contains(out.String(), "NaN") || strings.Contains(out.String(), "Inf") {
			t.Errorf("figures that are none: %s", out.String())
		}
	}
}

type waits struct{ d time.Duration }

func (w waits) Send(context.Context, int64) engine.Outcome {
	time.Sleep(w.d)
	return engine.Outcome{Kind: engine.OK, Status: 200}
}
func (waits) Close() error { return nil }

func TestWhatTheEngineMeasuredIsInTheReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		res, err := engine.Run(t.Context(), engine.Options{}, engine.Flow{
			Name: "reads", Schedule: engine.Constant{Rate: 100, Duration: 5 * time.Second}, WarmUp: 2 * time.Second,
			New: func(int) (engine.Sender, error) { return waits{20 * time.Millisecond}, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		r := report.New(res)
		f := r.Flows[0]
		if f.Name != "reads" || f.Counts.Kinds["ok"] != 300 || f.Warm.Intended != 200 || f.Counts.Statuses[200] != 300 {
			t.Errorf("counts are %+v and %+v", f.Warm, f.Counts)
		}
		if f.LatencyOK.P50 < 20 || f.LatencyOK.P50 > 20.1 || f.Service.Max < 20 || f.Lag.Max > 1 {
			t.Errorf("latency %+v, lag %+v", f.LatencyOK, f.Lag)
		}
		if n := len(f.LatencyOK.Curve); n == 0 || f.LatencyOK.Curve[n-1].Quantile != 1 {
			t.Errorf("the curve has %d points and does not end at 1", n)
		}
		if len(f.Series) < 5 || !f.Series[1].WarmUp || f.Series[2].OK != 100 {
			t.Errorf("series is %+v", f.Series)
		}
	})
}

func TestTheMachineIsInTheReport(t *testing.T) {
	c := report.CPUOf(machine.Usage{
		Window: time.Second, Roles: 0.5,
		Processes: []machine.ProcessUsage{{Process: machine.Process{Name: "api", Group: machine.Role, PID: 7}, CPU: time.Second, RSS: 9}},
	})
	if c.Roles != 0.5 || c.Processes[0] != (report.Process{Name: "api", Group: "role", PID: 7, CPU: 1, RSS: 9}) {
		t.Errorf("got %+v", c)
	}
	ref := report.ReferenceOf(machine.Reference{Rate: 10, P99: 1500 * time.Microsecond})
	if ref.Rate != 10 || ref.P99 != 1.5 {
		t.Errorf("got %+v", ref)
	}
	if h := report.HostOf(machine.Host{Cores: 2, Go: "go"}); h.Cores != 2 || h.Go != "go" {
		t.Errorf("got %+v", h)
	}
}
