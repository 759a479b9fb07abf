package report_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/report"
)

func second(n int, change func(*engine.Second)) engine.Progress {
	s := engine.Second{Second: n, Intended: 10_000, OK: 10_000, P50: 500 * time.Microsecond, P99: 1410 * time.Microsecond}
	if change != nil {
		change(&s)
	}
	return engine.Progress{
		Second: n, Elapsed: time.Duration(n+1) * time.Second,
		Flows: []engine.FlowProgress{{Name: "redirects", Second: s}, {Name: "creates", Second: engine.Second{Intended: 50, OK: 50}}},
	}
}

func TestATerminalShowsALineForEachFlow(t *testing.T) {
	var out bytes.Buffer
	p := report.Progress{W: &out, Width: 120, Total: 70 * time.Second}
	p.Show(second(0, nil))
	first := out.String()
	p.Show(second(1, func(s *engine.Second) { s.P99, s.Errors = 20*time.Millisecond, 3 }))
	want := " 1/70 s ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄\n" +
		"  redirects  10,000/s of 10,000  p50 0.50 ms  p99 1.41 ms ▁\n" +
		"  creates        50/s     of 50  p50    0 ms  p99    0 ms\n"
	if first != want {
		t.Errorf("got\n%swant\n%s", first, want)
	}
	again := strings.TrimPrefix(out.String(), first)
	if !strings.HasPrefix(again, "\x1b[3A\r\x1b[J 2/70 s") || !strings.Contains(again, " 20 ms ▁█                   3 errors\n") {
		t.Errorf("the second time:\n%q", again)
	}
}

func TestNoLineIsWiderThanTheTerminal(t *testing.T) {
	for _, width := range []int{20, 40, 80, 200} {
		var out bytes.Buffer
		p := report.Progress{W: &out, Width: width, Total: 70 * time.Second}
		for n := range 30 {
			p.Show(second(n, func(s *engine.Second) { s.Errors, s.Backlog = 1_000_000, 1_000_000 }))
		}
		for line := range strings.Lines(strings.ReplaceAll(out.String(), "\x1b[3A\r\x1b[J", "")) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n >= width {
				t.Errorf("width %d: %d columns: %q", width, n, line)
			}
		}
	}
}

func TestElsewhereALineComesEveryFiveSeconds(t *testing.T) {
	var out bytes.Buffer
	p := report.Progress{W: &out, Total: 70 * time.Second}
	for n := range 12 {
		p.Show(second(n, func(s *engine.Second) { s.WarmUp = n < 5 }))
	}
	p.Clear()
	want := " 5/70 s  redirects 10,000/s p50 0.50 ms p99 1.41 ms (warm-up)  creates 50/s p50 0 ms p99 0 ms\n" +
		"10/70 s  redirects 10,000/s p50 0.50 ms p99 1.41 ms  creates 50/s p50 0 ms p99 0 ms\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestTroubleIsNamed(t *testing.T) {
	var out bytes.Buffer
	p := report.Progress{W: &out, Width: 200, Color: true}
	p.Show(second(4, func(s *engine.Second) { s.Refused, s.Errors, s.Backlog = 1550, 3, 12_000 }))
	for _, want := range []string{"5 s", "1,550 refused", "3 errors", "12,000 waiting", "\x1b[33m"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q lacks %q", out.String(), want)
		}
	}
}

func TestAMessageStandsAboveTheProgress(t *testing.T) {
	var out bytes.Buffer
	p := report.Progress{W: &out, Width: 80}
	p.Show(second(0, nil))
	out.Reset()
	p.Line("Redis killed\x1b[2J")
	p.Clear()
	if got := out.String(); got != "\x1b[3A\r\x1b[JRedis killed [2J\n" {
		t.Errorf("got %q", got)
	}
}

func TestAFileIsNoTerminal(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if report.Terminal(f) != 0 || report.Color(f) {
		t.Errorf("terminal of %d columns, color %t", report.Terminal(f), report.Color(f))
	}
}
