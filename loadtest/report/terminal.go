package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
)

// WriteTerminal writes the report for people, with colours if wanted. The last
// line is "verdict: pass", "verdict: fail" or "verdict: invalid" and the reason.
func (r *Report) WriteTerminal(w io.Writer, color bool) error {
	t := terminal{Report: r, style: style{color}}
	t.heading()
	t.flows()
	t.latency()
	t.overTime()
	t.machine()
	t.facts()
	t.checks()
	t.conclude()
	_, err := w.Write(t.out.Bytes())
	return err
}

type terminal struct {
	*Report
	style style
	out   bytes.Buffer
}

func (t *terminal) printf(format string, args ...any) { fmt.Fprintf(&t.out, format, args...) }

func (t *terminal) heading() {
	t.printf("\n%s\n", t.style.paint(plain(t.name()), bold))
	t.printf("%s\n\n", t.style.paint(plain(t.circumstances()), faint))
}

func (r *Report) name() string {
	name := r.Scenario
	if r.Title != "" {
		name += " · " + r.Title
	}
	if r.Drill != "" {
		name += " · drill " + r.Drill
	}
	return name
}

func (r *Report) circumstances() string {
	return strings.Join([]string{
		r.Started.Format(time.DateTime), r.ran(),
		fmt.Sprintf("%d cores", r.Host.Cores), r.Host.CPU, r.Host.Go,
	}, " · ")
}

func (r *Report) ran() string {
	if r.Interrupted {
		return "interrupted after " + r.Elapsed.String()
	}
	return "ran " + r.Elapsed.String()
}

func (t *terminal) flows() {
	for _, f := range t.Flows {
		t.printf("  %s  %s\n", plain(f.Name), t.style.paint(plain(f.description()), faint))
	}
	t.printf("\n")
	tab := table{style: t.style, head: []string{"flow", "intended/s", "sent/s", "ok/s", "arrivals", "ok", "refused", "errors", "late"}}
	for _, f := range t.Flows {
		tab.add(plain(f.Name), f.intended(), rate(f.AchievedRate), rate(f.Goodput),
			grouped(f.Counts.Intended), grouped(f.Counts.Kinds["ok"]), grouped(f.Counts.Kinds["refused"]),
			grouped(f.Counts.Errors()), grouped(f.Counts.Late))
	}
	tab.write(&t.out)
	for _, f := range t.Flows {
		if text := f.Counts.errorText(); text != "" {
			t.printf("  %s: %s\n\n", plain(f.Name), t.style.paint(text, red))
		}
	}
}

// description says what decided when requests were sent.
func (f Flow) description() string {
	if f.Load == "" || strings.HasPrefix(f.Load, f.Model) {
		return max(f.Load, f.Model)
	}
	return f.Model + ", " + f.Load
}

func (f Flow) intended() string {
	if f.Model == string(engine.Closed) {
		return "–"
	}
	return rate(f.IntendedRate)
}

func (t *terminal) latency() {
	tab := table{style: t.style, head: []string{"latency", "p50", "p90", "p99", "p99.9", "max"}}
	for _, f := range t.Flows {
		name := plain(f.Name)
		tab.add(f.row(name+", ok", f.LatencyOK)...)
		if f.LatencyAll.Count != f.LatencyOK.Count {
			tab.add(f.row(name+", all", f.LatencyAll)...)
		}
		tab.add(f.row("  service time", f.Service)...)
		tab.add(f.row("  send lag", f.Lag)...)
	}
	tab.write(&t.out)
}

func (Flow) row(name string, p Percentiles) []string {
	if p.Count == 0 {
		return []string{name, "–", "–", "–", "–", "–"}
	}
	return []string{name, p.P50.String(), p.P90.String(), p.P99.String(), p.P999.String(), p.Max.String()}
}

func (t *terminal) overTime() {
	for _, f := range t.Flows {
		if len(f.Series) < 2 {
			continue
		}
		p99 := f.column(func(s Second) float64 { return float64(s.P99) })
		low, high := bounds(p99)
		t.printf("  %s\n", t.style.paint(fmt.Sprintf("%s, p99 per second, %s to %s", plain(f.Name), Milliseconds(low), Milliseconds(high)), faint))
		t.printf("  %s\n\n", t.style.paint(spark(p99), cyan))
	}
	for _, m := range t.Marks {
		t.printf("  %s  %s\n", padLeft(m.At.String(), 7), plain(m.Text))
	}
	if len(t.Marks) > 0 {
		t.printf("\n")
	}
}

func (f Flow) column(value func(Second) float64) []float64 {
	out := make([]float64, len(f.Series))
	for i, s := range f.Series {
		out[i] = value(s)
	}
	return out
}

func (t *terminal) machine() {
	if c := t.CPU; c != nil {
		t.printf("  %s  generator %s · roles %s · servers %s · others %s\n", t.style.paint("cores", faint),
			percent(c.Generator), percent(c.Roles), percent(c.Servers), percent(c.Others))
		for _, p := range c.Processes {
			t.printf("         %s %s CPU, %s resident\n", padRight(plain(p.Name), 16), p.CPU, megabytes(p.RSS))
		}
	}
	for _, ref := range t.references() {
		t.printf("  %s  bare server at %s/s: p50 %s, p99 %s\n", t.style.paint("reference", faint), rate(ref.Rate), ref.P50, ref.P99)
	}
	if t.CPU != nil || len(t.references()) > 0 {
		t.printf("\n")
	}
}

func (r *Report) references() []*Reference {
	var out []*Reference
	for _, ref := range []*Reference{r.Reference, r.OwnRate} {
		if ref != nil {
			out = append(out, ref)
		}
	}
	return out
}

func (t *terminal) facts() {
	if len(t.Facts) == 0 {
		return
	}
	tab := table{style: t.style, head: []string{"fact", "value", "note"}, text: true}
	for _, f := range t.Facts {
		tab.add(plain(f.Name), plain(f.Value), plain(f.Note))
	}
	tab.write(&t.out)
}

func (t *terminal) checks() {
	width := 0
	for _, c := range t.Checks {
		width = max(width, len([]rune(c.Name)))
	}
	for _, c := range t.Checks {
		t.printf("  %s %s  %s\n", t.style.verdict(c.Result, symbol(c.Result)), padRight(plain(c.Name), width), plain(c.Sentence))
	}
	t.printf("\n")
}

func (t *terminal) conclude() {
	t.printf("%s — %s\n", t.style.verdict(t.Verdict, "verdict: "+string(t.Verdict)), plain(t.Reason))
}
