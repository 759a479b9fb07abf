package compare_test

import (
	"fmt"

	"github.com/provingground/provingground/loadtest/compare"
	"github.com/provingground/provingground/loadtest/report"
)

func ExampleSides() {
	before := report.Side{Name: "before", Reports: []*report.Report{ran(14), ran(15), ran(16)}}
	after := report.Side{Name: "after", Reports: []*report.Report{ran(9), ran(10), ran(11)}}
	c, err := compare.Sides(before, after)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range c.Rows {
		if d.Figure == "p99" || d.Figure == "goodput" {
			fmt.Printf("%s: %s, %s, %s: %s\n", d.Figure, d.ValueA(), d.ValueB(), d.Ratio(), d.Verdict())
		}
	}
	// Output:
	// goodput: 100/s, 100/s, × 1.00: within the spread
	// p99: 15 ms, 10 ms, × 0.67: more than the spread, b is better
}
