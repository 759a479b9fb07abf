package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"
)

//go:embed page.html
var page string

// WriteHTML writes the report as one page that loads nothing from elsewhere.
func (r *Report) WriteHTML(w io.Writer) error {
	t, err := template.New("page").Funcs(functions()).Parse(page)
	if err != nil {
		return fmt.Errorf("report: page: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, r); err != nil {
		return fmt.Errorf("report: page: %w", err)
	}
	_, err = w.Write(out.Bytes())
	return err
}

func functions() template.FuncMap {
	return template.FuncMap{
		"grouped":   grouped,
		"rate":      rate,
		"percent":   percent,
		"megabytes": megabytes,
		"symbol":    symbol,
		"px":        func(f float64) string { return decimals(f, 1) },
		"day":       func(t time.Time) string { return t.Format("2 January 2006, 15:04 MST") },
		"charts": func(f Flow, marks []Mark) []chart {
			return []chart{curveChart(f), latencyChart(f, marks), throughputChart(f, marks)}
		},
		"box": func() map[string]int {
			return map[string]int{
				"Width": chartWidth, "Height": chartHeight,
				"Left": plotLeft, "Right": plotRight, "Top": plotTop, "Bottom": plotBottom, "PlotHeight": plotBottom - plotTop,
			}
		},
		"durations": durations,
		"segments":  segments,
		"errorText": func(c Counts) string { return c.errorText() },
		"statuses":  func(c Counts) string { return c.statusText() },
	}
}

type named struct {
	Name string
	Percentiles
}

// durations returns the rows of a flow's table of percentiles.
func durations(f Flow) []named {
	rows := []named{{"latency, ok", f.LatencyOK}}
	if f.LatencyAll.Count != f.LatencyOK.Count {
		rows = append(rows, named{"latency, all", f.LatencyAll})
	}
	return append(rows, named{"service time", f.Service}, named{"send lag", f.Lag})
}

type segment struct {
	Class, Name string
	Share       float64
	Percent     string
}

// segments returns who used the machine, as parts of a bar.
func segments(c *CPU) []segment {
	var out []segment
	for _, s := range []segment{
		{Class: "generator", Name: "generator", Share: c.Generator},
		{Class: "roles", Name: "roles", Share: c.Roles},
		{Class: "servers", Name: "servers", Share: c.Servers},
		{Class: "others", Name: "others", Share: c.Others},
		{Class: "idle", Name: "idle", Share: max(0, 1-c.Busy)},
	} {
		s.Percent = decimals(s.Share*100, 2) + "%"
		out = append(out, s)
	}
	return out
}
