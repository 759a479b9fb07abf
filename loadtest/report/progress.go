package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/provingground/provingground/loadtest/engine"
)

const (
	plainEvery   = 5 // seconds between lines where nothing can be rewritten
	defaultWidth = 80
	barWidth     = 24
	liveSpark    = 20 // seconds of p99 in the live view
)

// Progress shows a run as it goes: on a terminal a few lines that rewrite
// themselves, one for each flow with its rate, percentiles, errors, backlog and
// the p99 of the last seconds; elsewhere a plain line every five seconds. Its
// methods may be called at the same time.
type Progress struct {
	// W takes the lines; Width is its columns if it is a terminal, else 0.
	W     io.Writer
	Width int
	Color bool

	Total time.Duration // of the run, warm-up included; 0 if not known

	mu    sync.Mutex
	shown int                  // lines
	p99   map[string][]float64 // of the last seconds, by flow
}

// Show shows a second. It is made for [engine.Options.OnSecond].
func (p *Progress) Show(s engine.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Width <= 0 {
		p.showPlain(s)
		return
	}
	lines := []string{p.clock(s) + " " + p.bar(s)}
	lines = append(lines, p.rows(s)...)
	p.clear()
	for i, line := range lines {
		// One column stays free: some terminals wrap when the last one is written.
		line = clip(strings.TrimRight(line, " "), p.Width-1)
		if i > 0 && troubled(s.Flows[i-1]) {
			line = style{p.Color}.paint(line, yellow)
		}
		fmt.Fprintln(p.W, line)
	}
	p.shown = len(lines)
}

// rows are the flows, their columns aligned.
func (p *Progress) rows(s engine.Progress) []string {
	cells := make([][]string, len(s.Flows))
	widths := make([]int, 5)
	for i, f := range s.Flows {
		cells[i] = []string{plain(f.Name), grouped(f.OK) + "/s", "of " + grouped(f.Intended), Millis(f.P50).String(), Millis(f.P99).String()}
		for j, cell := range cells[i] {
			widths[j] = max(widths[j], utf8.RuneCountInString(cell))
		}
	}
	rows := make([]string, len(cells))
	for i, c := range cells {
		f := s.Flows[i]
		rows[i] = fmt.Sprintf("  %s  %s %s  p50 %s  p99 %s %s %s", padRight(c[0], widths[0]), padLeft(c[1], widths[1]), padLeft(c[2], widths[2]),
			padLeft(c[3], widths[3]), padLeft(c[4], widths[4]), padRight(spark(p.remember(f)), liveSpark), strings.TrimPrefix(trouble(f), " · "))
	}
	return rows
}

// remember returns the p99 of the last seconds of a flow.
func (p *Progress) remember(f engine.FlowProgress) []float64 {
	if p.p99 == nil {
		p.p99 = map[string][]float64{}
	}
	last := append(p.p99[f.Name], float64(f.P99))
	last = last[max(0, len(last)-liveSpark):]
	p.p99[f.Name] = last
	return slices.Clone(last)
}

func (p *Progress) showPlain(s engine.Progress) {
	if (s.Second+1)%plainEvery != 0 {
		return
	}
	line := p.clock(s)
	for _, f := range s.Flows {
		line += "  " + flowText(f)
	}
	fmt.Fprintln(p.W, line)
}

// Line writes a message above the progress, such as the start of a fault.
func (p *Progress) Line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintln(p.W, plain(text))
}

// Clear takes the line away, so that something else can be written.
func (p *Progress) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

// clear moves up to where the view starts and erases what is below.
func (p *Progress) clear() {
	if p.shown > 0 {
		fmt.Fprintf(p.W, "\x1b[%dA\r\x1b[J", p.shown)
		p.shown = 0
	}
}

func (p *Progress) clock(s engine.Progress) string {
	elapsed := grouped(int64(s.Elapsed.Seconds()))
	if p.Total <= 0 {
		return elapsed + " s"
	}
	total := grouped(int64(p.Total.Seconds()))
	return padLeft(elapsed, len(total)) + "/" + total + " s"
}

func (p *Progress) bar(s engine.Progress) string {
	if p.Total <= 0 {
		return ""
	}
	done := min(barWidth, int(float64(barWidth)*s.Elapsed.Seconds()/p.Total.Seconds()))
	return strings.Repeat("━", done) + strings.Repeat("┄", barWidth-done)
}

func flowText(f engine.FlowProgress) string {
	return fmt.Sprintf("%s %s/s p50 %s p99 %s%s", plain(f.Name), grouped(f.OK), Millis(f.P50), Millis(f.P99), trouble(f))
}

// trouble is what is not as it should be, and whether it counts.
func trouble(f engine.FlowProgress) string {
	var b strings.Builder
	for _, extra := range []struct {
		n    int64
		what string
	}{{f.Refused, "refused"}, {f.Errors, "errors"}, {f.Backlog, "waiting"}} {
		if extra.n > 0 {
			fmt.Fprintf(&b, " · %s %s", grouped(extra.n), extra.what)
		}
	}
	if f.WarmUp {
		b.WriteString(" (warm-up)")
	}
	return b.String()
}

func troubled(f engine.FlowProgress) bool { return f.Errors > 0 || f.Backlog > 0 }

// clip cuts text to a number of columns.
func clip(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	if width < 1 {
		return ""
	}
	return string([]rune(text)[:width-1]) + "…"
}

// width falls back to 80 columns where a terminal does not tell.
func width(columns int) int {
	if columns <= 0 {
		return defaultWidth
	}
	return columns
}
