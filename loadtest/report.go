package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/machine"
	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/loadtest/trial"
)

// report prints the run, writes JSON and page, and returns the verdict.
func (a *attempt) report(checks []judge.Check) (judge.Verdict, error) {
	r := report.New(a.result)
	r.Scenario, r.Title, r.Drill, r.Command = a.scenario.Slug, a.scenario.Title, a.options.drill, a.command
	r.Host = report.HostOf(machine.Describe())
	r.CPU = report.CPUOf(a.window.usage())
	if !a.untimed {
		r.Reference, r.OwnRate = report.ReferenceOf(a.reference), report.ReferenceOf(a.ownRate)
	}
	r.Flows[0].TargetP99 = report.Millis(a.scenario.Target.P99)
	for _, c := range checks {
		r.Checks = append(r.Checks, report.Check{Name: c.Name, Result: report.Verdict(c.Verdict), Sentence: c.Sentence})
	}
	for _, m := range a.marks {
		r.Marks = append(r.Marks, report.Mark{At: report.Secs(m.Begin), Text: m.Name})
	}
	if len(a.marks) == 0 {
		r.Facts = a.driver.Facts(a.before, a.after, (a.warmUp + a.duration).Seconds())
	}
	r.Contrast = a.contrast
	if s, ok := a.driver.(trial.Sampler); ok {
		r.Sampled = s.Sampled()
	}
	r.Conclude()
	if err := a.write(r); err != nil {
		return judge.Fail, err
	}
	return judge.Verdict(r.Verdict), r.WriteTerminal(a.out, report.Color(a.file()))
}

// write leaves the report as files named for scenario, drill and time.
func (a *attempt) write(r *report.Report) error {
	if err := os.MkdirAll(a.reports, 0o755); err != nil {
		return fmt.Errorf("reports: %w", err)
	}
	name := a.scenario.Slug
	if a.options.drill != "" {
		name += "-" + a.options.drill
	}
	name = filepath.Join(a.reports, name+"-"+a.result.Start.Format("20060102-150405"))
	for ext, write := range map[string]func(io.Writer) error{".json": r.WriteJSON, ".html": r.WriteHTML, ".hgrm": r.Flows[0].LatencyOK.WriteHGRM} {
		if err := create(name+ext, write); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.out, "report: %s.html (and .json, .hgrm)\n", name)
	return nil
}

func create(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := write(f); err != nil {
		f.Close()
		return fmt.Errorf("report %s: %w", name, err)
	}
	return f.Close()
}

// file returns the output if it is one, for terminals are treated otherwise.
func (a *attempt) file() *os.File {
	f, _ := a.out.(*os.File)
	return f
}
