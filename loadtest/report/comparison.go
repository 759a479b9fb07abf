package report

import (
	"fmt"
	"io"
	"strings"
)

// A Comparison is what two sides of runs differ in; package compare makes it.
type Comparison struct {
	A, B  Side
	Basis string // what the spread is taken from, one sentence
	Notes []string
	Rows  []Difference
}

// A Side is one or several runs of the same load on the same thing.
type Side struct {
	Name    string // of its files
	Reports []*Report
}

// A Difference is one figure of both sides.
type Difference struct {
	Flow   string // empty for a figure of the whole run
	Figure string
	Unit   string  // "ms", "µs", "/s" or "%"
	A, B   float64 // the medians of the runs
	Known  bool    // the spread is known
	Beyond bool    // the difference is more than the spread
	Better string  // "a", "b", or empty where it makes no difference or nobody can tell
}

// Ratio returns b/a in words: "–" where a is 0.
func (d Difference) Ratio() string {
	if d.A == 0 {
		return "–"
	}
	return "× " + decimals(d.B/d.A, 2)
}

// Verdict says in words how the difference and the spread compare.
func (d Difference) Verdict() string {
	switch {
	case !d.Known:
		return "spread not known"
	case !d.Beyond:
		return "within the spread"
	case d.Better == "":
		return "more than the spread"
	}
	return "more than the spread, " + d.Better + " is better"
}

func (d Difference) value(v float64) string {
	switch d.Unit {
	case "ms":
		return Milliseconds(v).String()
	case "%":
		return decimals(v*100, 2) + " %"
	case "/s":
		return rate(v) + "/s"
	}
	return decimals(v, 1) + " " + d.Unit
}

// ValueA returns the figure of side a with its unit.
func (d Difference) ValueA() string { return d.value(d.A) }

// ValueB returns the figure of side b with its unit.
func (d Difference) ValueB() string { return d.value(d.B) }

// WriteTerminal writes the comparison for people, with colours if wanted.
func (c *Comparison) WriteTerminal(w io.Writer, color bool) error {
	st := style{color}
	var out strings.Builder
	for _, side := range []struct {
		name string
		Side
	}{{"a", c.A}, {"b", c.B}} {
		fmt.Fprintf(&out, "  %s  %s\n", st.paint(side.name, bold), plain(side.Name))
	}
	fmt.Fprintf(&out, "\n  %s\n", plain(c.Basis))
	for _, note := range c.Notes {
		fmt.Fprintf(&out, "  %s\n", st.paint(plain(note), yellow))
	}
	fmt.Fprintln(&out)
	tab := table{style: st, head: []string{"figure", "a", "b", "b/a", ""}, text: true}
	for _, d := range c.Rows {
		tab.add(plain(strings.TrimSpace(d.Flow+" "+d.Figure)), d.ValueA(), d.ValueB(), d.Ratio(), st.paint(d.Verdict(), d.colour()...))
	}
	tab.write(&out)
	_, err := io.WriteString(w, out.String())
	return err
}

func (d Difference) colour() []string {
	switch {
	case !d.Known || !d.Beyond:
		return []string{faint}
	case d.Better == "b":
		return []string{green}
	case d.Better == "a":
		return []string{red}
	}
	return []string{bold}
}
