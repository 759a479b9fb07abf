// Package compare says whether two runs, or two sets of runs, of the same load
// differ by more than they vary by themselves.
//
// With several runs a side the spread is that between runs: a difference is
// beyond it when every run of one side lies beyond every run of the other. With
// one run on a side it is that within the runs: their measured seconds are cut
// into ten blocks, and the difference of the means of the blocks has to be three
// times its standard error. That sees noise, and cannot see what differs from run
// to run; figures without a value per second have no spread then.
package compare

import (
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"

	"github.com/provingground/provingground/loadtest/report"
)

// Read reads reports and returns them as a side named after its files.
func Read(files ...string) (report.Side, error) {
	side := report.Side{Name: strings.Join(files, ", ")}
	for _, name := range files {
		r, err := readFile(name)
		if err != nil {
			return side, err
		}
		side.Reports = append(side.Reports, r)
	}
	return side, nil
}

func readFile(name string) (*report.Report, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := report.ReadJSON(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// Sides compares two sides. It is an error if the reports are not all of the same
// load on the same thing, or one was interrupted.
func Sides(a, b report.Side) (*report.Comparison, error) {
	if len(a.Reports) == 0 || len(b.Reports) == 0 {
		return nil, errors.New("compare: a side without a report")
	}
	all := append(append([]*report.Report{}, a.Reports...), b.Reports...)
	for _, r := range all {
		if err := same(all[0], r); err != nil {
			return nil, fmt.Errorf("compare: not comparable: %w", err)
		}
	}
	c := &report.Comparison{A: a, B: b, Basis: basis(len(a.Reports), len(b.Reports)), Notes: notes(all)}
	for i := range all[0].Flows {
		for _, f := range flowFigures() {
			c.Rows = append(c.Rows, f.ofFlow(i, a.Reports, b.Reports))
		}
	}
	for _, f := range runFigures() {
		if d, ok := f.ofRun(a.Reports, b.Reports); ok {
			c.Rows = append(c.Rows, d)
		}
	}
	return c, nil
}

// same says what makes a comparison of two reports senseless.
func same(a, b *report.Report) error {
	switch {
	case b.Interrupted:
		return fmt.Errorf("the run of %s was interrupted", b.Started)
	case a.Scenario != b.Scenario || a.Drill != b.Drill:
		return fmt.Errorf("%q drill %q and %q drill %q", a.Scenario, a.Drill, b.Scenario, b.Drill)
	case len(a.Flows) != len(b.Flows):
		return fmt.Errorf("%d flows and %d", len(a.Flows), len(b.Flows))
	}
	for i := range a.Flows {
		if err := sameFlow(a.Flows[i], b.Flows[i]); err != nil {
			return err
		}
	}
	return nil
}

func sameFlow(a, b report.Flow) error {
	switch {
	case a.Name != b.Name:
		return fmt.Errorf("flow %q and flow %q", a.Name, b.Name)
	case a.Model != b.Model || a.Load != b.Load:
		return fmt.Errorf("flow %q: %s and %s", a.Name, a.Load, b.Load)
	case a.TargetP99 != b.TargetP99:
		return fmt.Errorf("flow %q: targets %s and %s", a.Name, a.TargetP99, b.TargetP99)
	case a.WarmUp != b.WarmUp:
		return fmt.Errorf("flow %q: warm-up of %s and %s", a.Name, a.WarmUp, b.WarmUp)
	}
	return nil
}

func basis(a, b int) string {
	if a > 1 && b > 1 {
		orders := new(big.Int).Binomial(int64(a+b), int64(a))
		return fmt.Sprintf("Spread between runs, %d and %d: beyond it if all of one side lie beyond all of the other, which happens by luck once in %d.",
			a, b, new(big.Int).Div(orders, big.NewInt(2)))
	}
	return "Spread within the runs, from ten blocks of their seconds: what differs from run to run is not seen. Several runs a side tell more."
}

func notes(all []*report.Report) []string {
	var out []string
	for _, r := range all {
		if r.Verdict == report.Invalid {
			out = append(out, fmt.Sprintf("The run of %s is invalid: %s.", r.Started.Format("2006-01-02 15:04:05"), r.Reason))
		}
	}
	for _, r := range all[1:] {
		if r.Host != all[0].Host {
			return append(out, "The machines are not the same.")
		}
	}
	return out
}
