package orderprocessor

import (
	"fmt"
	"slices"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/loadtest/trial"
)

// Facts says what the table server can do alone, how far processing fell behind,
// and what the sizing formula makes of it.
func (d *Driver) Facts(before, after trial.Metrics, _ float64) []report.Fact {
	since := func(name string) float64 { return after[name] - before[name] }
	facts := []report.Fact{
		{Name: "table server's ceiling", Value: fmt.Sprintf("%.0f transactions of 3 rows/s", d.raw), Note: "alone on the machine, 16 callers, before the load"},
		{Name: "repeated deliveries", Value: fmt.Sprintf("%.0f", since(`orderprocessor_orders_total{result="repeated"}`)), Note: "found processed"},
		{Name: "locks lost", Value: fmt.Sprintf("%.0f", since(`orderprocessor_messages_total{outcome="lost"}`)), Note: "sessions that were somebody else's by then"},
	}
	if d.effects == nil {
		return facts
	}
	ms := func(t time.Duration) string { return t.Round(time.Millisecond).String() }
	l := d.lags(d.setup.WarmUp, forever, func(order) bool { return true })
	most, oldest := d.backlog()
	facts = append(facts,
		report.Fact{Name: "processed", Value: ms(quantile(l, 0.5)) + " / " + ms(quantile(l, 0.99)) + " / " + ms(quantile(l, 1)), Note: "after the acknowledgement, p50 / p99 / max"},
		report.Fact{Name: "largest backlog", Value: fmt.Sprintf("%d orders", most), Note: "accepted and not processed"},
		report.Fact{Name: "oldest order in it", Value: ms(oldest), Note: "the longest that one waited"},
	)
	if looks := d.setup.Stack.Scalings(processor); len(looks) > 0 {
		most := slices.MaxFunc(looks, func(a, b stack.Scaling) int { return a.Processes - b.Processes }).Processes
		facts = append(facts, report.Fact{
			Name: "processors", Value: fmt.Sprintf("%d to %d", d.setup.Scenario.Role(processor).Count, most),
			Note: fmt.Sprintf("of at most %d, as the backlog wanted", d.setup.Scenario.Role(processor).Scale.Max),
		})
	}
	if d.setup.Drill == "" {
		s := d.spike()
		volume := s.Rate * s.Factor * s.For.Seconds()
		window := (s.For + drainTarget).Seconds()
		facts = append(facts, report.Fact{
			Name: "sizing", Value: fmt.Sprintf("%.0f/s", volume/window+s.Rate*drainTarget.Seconds()/window),
			Note: "what processors must do: (spike rate × spike + base rate × drain time) / (spike + drain time)",
		})
	}
	return facts
}

// backlog is how many orders waited at most, and how long one did.
func (d *Driver) backlog() (most int, oldest time.Duration) {
	for _, at := range d.course() {
		most, oldest = max(most, at.waiting), max(oldest, at.oldest)
	}
	return most, oldest
}
