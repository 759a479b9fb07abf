package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
)

//go:embed *.html
var pages embed.FS

// WriteHTML writes the report as one page that loads nothing from elsewhere.
func (r *Report) WriteHTML(w io.Writer) error { return writePage(w, "page.html", r) }

func writePage(w io.Writer, name string, data any) error {
	t, err := template.New(name).Funcs(functions()).ParseFS(pages, "*.html")
	if err != nil {
		return fmt.Errorf("report: %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return fmt.Errorf("report: %s: %w", name, err)
	}
	_, err = w.Write(out.Bytes())
	return err
}

func functions() template.FuncMap {
	return template.FuncMap{
		"grouped":    grouped,
		"rate":       rate,
		"percent":    percent,
		"megabytes":  megabytes,
		"symbol":     symbol,
		"px":         func(f float64) string { return decimals(f, 1) },
		"day":        func(t time.Time) string { return t.Format("2 January 2006, 15:04 MST") },
		"ran":        func(r *Report) string { return r.ran() },
		"closed":     func(model string) bool { return model == string(engine.Closed) },
		"charts":     charts,
		"courses":    courses,
		"sampled":    sampledCharts,
		"heat":       func(f Flow, marks []Mark) *heatMap { return heatChart(f, marks, true) },
		"references": func(r *Report) []*Reference { return r.references() },
		"durations":  durations,
		"segments":   segments,
		"errorText":  func(c Counts) string { return c.errorText() },
		"statuses":   func(c Counts) string { return c.statusText() },
	}
}

func charts(f Flow, marks []Mark) []chart {
	out := []chart{curveChart(f), latencyChart(f, marks), throughputChart(f, marks)}
	if c := backlogChart(f, marks); c != nil {
		out = append(out, *c)
	}
	return out
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
