package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/provingground/provingground/loadtest/engine"
)

const (
	plainEvery   = 5 // seconds between lines where nothing can be rewritten
	defaultWidth = 80
	barWidth     = 12
)

// Progress shows a run as it goes: one line that rewrites itself on a terminal,
// a plain line every five seconds elsewhere. Its methods may be called at the
// same time.
type Progress struct {
	// W takes the lines; Width is its columns if it is a terminal, else 0.
	W     io.Writer
	Width int
	Color bool

	Total time.Duration // of the run, warm-up included; 0 if not known

	mu    sync.Mutex
	shown bool
}

// Show shows a second. It is made for [engine.Options.OnSecond].
func (p *Progress) Show(s engine.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Width <= 0 {
		p.showPlain(s)
		return
	}
	parts := []string{p.clock(s), p.bar(s)}
	for _, f := range s.Flows {
		parts = append(parts, flowText(f))
	}
	// One column stays free: some terminals wrap when the last one is written.
	line := clip(strings.Join(parts, "  "), p.Width-1)
	if troubled(s) {
		line = style{p.Color}.paint(line, yellow)
	}
	fmt.Fprintf(p.W, "\r\x1b[K%s", line)
	p.shown = true
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

func (p *Progress) clear() {
	if p.shown {
		fmt.Fprint(p.W, "\r\x1b[K")
		p.shown = false
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
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s/s p50 %s p99 %s", plain(f.Name), grouped(f.OK), Millis(f.P50), Millis(f.P99))
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

func troubled(s engine.Progress) bool {
	for _, f := range s.Flows {
		if f.Errors > 0 || f.Backlog > 0 {
			return true
		}
	}
	return false
}

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
