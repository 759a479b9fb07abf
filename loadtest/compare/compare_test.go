package compare_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/compare"
	"github.com/provingground/provingground/loadtest/report"
)

// ran is a run of a minute whose p99 swings around a value.
func ran(p99 float64) *report.Report {
	f := report.Flow{
		Name: "reads", Model: "open loop", Load: "constant 100/s for 1m0s", Workers: 4, IntendedRate: 100, AchievedRate: 100, Goodput: 100, TargetP99: 50,
		Counts:    report.Counts{Intended: 6000, Sent: 6000, Completed: 6000, Kinds: map[string]int64{"ok": 6000}},
		LatencyOK: report.Percentiles{Count: 6000, P50: 1, P90: 2, P99: report.Milliseconds(p99), P999: 30, Max: 40},
	}
	for i := range 60 {
		swing := report.Milliseconds(1 + 0.2*float64(i*7%5-2)/2)
		f.Series = append(f.Series, report.Second{Second: i, Seconds: 1, Intended: 100, Sent: 100, OK: 100, P50: 1, P99: report.Milliseconds(p99) * swing, Max: 40})
	}
	return &report.Report{
		Schema: report.Schema, Scenario: "shop", Started: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), Verdict: report.Pass,
		Host: report.Host{Cores: 2}, Flows: []report.Flow{f}, Checks: []report.Check{},
		CPU: &report.CPU{Window: 60, Roles: 0.1, Generator: 0.05, Processes: []report.Process{}},
	}
}

func sideOf(values ...float64) report.Side {
	s := report.Side{Name: "side"}
	for _, v := range values {
		s.Reports = append(s.Reports, ran(v))
	}
	return s
}

func row(t *testing.T, c *report.Comparison, figure string) report.Difference {
	t.Helper()
	for _, d := range c.Rows {
		if d.Figure == figure {
			return d
		}
	}
	t.Fatalf("no row %q", figure)
	return report.Difference{}
}

func TestADifferenceIsJudgedByTheSpread(t *testing.T) {
	for name, tc := range map[string]struct {
		a, b    []float64
		verdict string
		ratio   string
	}{
		"runs apart":                 {[]float64{10, 11, 12}, []float64{13, 14, 20}, "more than the spread, a is better", "× 1.27"},
		"runs that overlap":          {[]float64{10, 11, 14}, []float64{13, 14, 20}, "within the spread", "× 1.27"},
		"the other way":              {[]float64{20, 21}, []float64{10, 19}, "more than the spread, b is better", "× 0.71"},
		"one run each, far apart":    {[]float64{10}, []float64{15}, "more than the spread, a is better", "× 1.50"},
		"one run each, nearly alike": {[]float64{10}, []float64{10.05}, "within the spread", "× 1.01"},
		"one against several":        {[]float64{10}, []float64{15, 16}, "more than the spread, a is better", "× 1.55"},
	} {
		c, err := compare.Sides(sideOf(tc.a...), sideOf(tc.b...))
		if err != nil {
			t.Fatal(err)
		}
		if d := row(t, c, "p99"); d.Verdict() != tc.verdict || d.Ratio() != tc.ratio {
			t.Errorf("%s: %s, %s, want %s, %s", name, d.Verdict(), d.Ratio(), tc.verdict, tc.ratio)
		}
	}
}

func TestOneRunASideDoesNotTellTheSpreadOfEverything(t *testing.T) {
	c, err := compare.Sides(sideOf(10), sideOf(20))
	if err != nil {
		t.Fatal(err)
	}
	if d := row(t, c, "p99.9"); d.Known || d.Verdict() != "spread not known" {
		t.Errorf("p99.9: %+v", d)
	}
	if d := row(t, c, "goodput"); !d.Known || d.Beyond {
		t.Errorf("goodput: %+v, want it within the spread", d)
	}
	if d := row(t, c, "CPU of the roles per request"); d.A != 2000 || d.ValueA() != "2000.0 µs" {
		t.Errorf("CPU: %+v, want 0.1 × 2 cores × 60 s / 6000", d)
	}
	if !strings.Contains(c.Basis, "within the runs") {
		t.Errorf("basis %q", c.Basis)
	}
}

func TestTheBasisSaysHowEasilyLuckDoesIt(t *testing.T) {
	c, err := compare.Sides(sideOf(10, 11, 12), sideOf(13, 14, 15))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(c.Basis, "once in 10.") { // 20 orders, 2 of them apart
		t.Errorf("basis %q", c.Basis)
	}
}

func TestReportsOfDifferentLoadsAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*report.Report)
		want   string
	}{
		"schedule":    {func(r *report.Report) { r.Flows[0].Load = "constant 200/s for 1m0s" }, "constant 100/s for 1m0s and constant 200/s"},
		"model":       {func(r *report.Report) { r.Flows[0].Model = "closed loop" }, "flow"},
		"scenario":    {func(r *report.Report) { r.Scenario = "blog" }, "blog"},
		"drill":       {func(r *report.Report) { r.Drill = "freeze" }, "freeze"},
		"target":      {func(r *report.Report) { r.Flows[0].TargetP99 = 7 }, "targets 50 ms and 7 ms"},
		"warm-up":     {func(r *report.Report) { r.Flows[0].WarmUp = 7 }, "warm-up"},
		"flows":       {func(r *report.Report) { r.Flows = nil }, "flows"},
		"flow":        {func(r *report.Report) { r.Flows[0].Name = "writes" }, "writes"},
		"interrupted": {func(r *report.Report) { r.Interrupted = true }, "interrupted"},
	} {
		b := sideOf(10, 11)
		tc.change(b.Reports[1])
		if _, err := compare.Sides(sideOf(10, 11), b); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, tc.want)
		}
	}
	if _, err := compare.Sides(sideOf(10), report.Side{}); err == nil {
		t.Error("a side without reports is compared")
	}
}

func TestWhatMakesAComparisonDoubtfulIsNoted(t *testing.T) {
	b := sideOf(10)
	b.Reports[0].Verdict, b.Reports[0].Reason, b.Reports[0].Host.Cores = report.Invalid, "others were busy", 8
	c, err := compare.Sides(sideOf(10), b)
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(c.Notes, " "); !strings.Contains(notes, "others were busy") || !strings.Contains(notes, "machines") {
		t.Errorf("notes are %q", c.Notes)
	}
}

func saved(t *testing.T, name string, r *report.Report) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := r.WriteJSON(f); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTheCommandComparesFiles(t *testing.T) {
	a, b := saved(t, "a.json", ran(10)), saved(t, "b.json", ran(15))
	page := filepath.Join(t.TempDir(), "page.html")
	for _, args := range [][]string{{a, b}, {a, a, "--", b, b}, {"-html", page, a, b}} {
		var out, errOut bytes.Buffer
		if err := compare.Command(args, &out, &errOut, false); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		if !strings.Contains(out.String(), "reads p99") || !strings.Contains(out.String(), "more than the spread, a is better") {
			t.Errorf("%q: got\n%s", args, out.String())
		}
	}
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Run against run", "p99 over time", `class="line a"`, `class="line b"`} {
		if !strings.Contains(string(html), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"src=", "href=", "url(", "http://", "https://", "<script"} {
		if strings.Contains(string(html), bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
}

func TestMistakesInTheCallAreErrors(t *testing.T) {
	a := saved(t, "a.json", ran(10))
	for _, args := range [][]string{
		{},
		{a},
		{a, a, a},
		{a, "--"},
		{"--", a},
		{"-no"},
		{a, "/does/not/exist"},
		{a, "compare_test.go"},
		{"-html", "/does/not/exist/x", a, a},
	} {
		var out, errOut bytes.Buffer
		if err := compare.Command(args, &out, &errOut, false); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
