package report

import (
	"fmt"
	"slices"
	"strings"
)

// The drawing area in the units of the page, which scales it.
const (
	chartWidth, chartHeight = 500, 250
	plotLeft, plotRight     = 56, 492
	plotTop, plotBottom     = 16, 220
	wideWidth, wideRight    = 1032, 1024
)

// chart is what the page's template draws; text is escaped there.
type chart struct {
	Title, Note    string
	Wide           bool
	XTicks, YTicks []tick
	Lines          []line
	Target         *level
	Marks          []flag
	WarmUp         float64 // its width in pixels; 0 for none
	Hovers         []hover
}

// Box is the drawing area as the template asks for it.
func (c chart) Box() map[string]int {
	width, right := chartWidth, plotRight
	if c.Wide {
		width, right = wideWidth, wideRight
	}
	return map[string]int{
		"Width": width, "Height": chartHeight,
		"Left": plotLeft, "Right": right, "Top": plotTop, "Bottom": plotBottom, "PlotHeight": plotBottom - plotTop,
	}
}

// Legend is one line of each label.
func (c chart) Legend() []line {
	var out []line
	for _, l := range c.Lines {
		if !slices.ContainsFunc(out, func(o line) bool { return o.Label == l.Label }) {
			out = append(out, l)
		}
	}
	return out
}

// line is one curve; its class gives it colour.
type line struct {
	Class, Label string
	Path         string
	Area         bool
}

// level is a horizontal line.
type level struct {
	Pos   float64
	Label string
}

// flag is a numbered mark on the time axis.
type flag struct {
	Pos    float64
	Number int
	Text   string
}

// hover is a strip that tells its figures when pointed at.
type hover struct {
	Pos, Width float64
	Text       string
}

// path joins points; a gap starts it anew.
type path struct {
	b    strings.Builder
	open bool
}

func (p *path) to(x, y float64) {
	command := "L"
	if !p.open {
		command = "M"
	}
	fmt.Fprintf(&p.b, "%s%.1f %.1f", command, x, y)
	p.open = true
}

func (p *path) gap() { p.open = false }

func (p *path) String() string { return p.b.String() }
