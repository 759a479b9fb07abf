package servicebusdlq

import (
	"fmt"
	"slices"
	"time"

	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/loadtest/trial"
)

// Facts says what the table server can do alone, how fast charges followed, and what
// happened to deliveries.
func (d *Driver) Facts(before, after trial.Metrics, seconds float64) []report.Fact {
	since := func(name string) float64 { return after[name] - before[name] }
	rate := func(outcome string) string {
		return fmt.Sprintf("%.1f/s", since(fmt.Sprintf("servicebusdlq_messages_total{outcome=%q}", outcome))/max(1, seconds))
	}
	facts := []report.Fact{
		{Name: "table server's ceiling", Value: fmt.Sprintf("%.0f transactions of 3 rows/s", d.raw), Note: "alone on the machine, 16 callers, before the load"},
		{Name: "deliveries booked", Value: rate("done")},
		{Name: "deliveries that failed", Value: rate("retried"), Note: "and come again"},
		{Name: "deliveries dead-lettered", Value: rate("dead")},
		{Name: "locks lost", Value: fmt.Sprintf("%.0f", since(`servicebusdlq_messages_total{outcome="lost"}`)), Note: "messages that were somebody else's by then"},
		{Name: "repeated deliveries", Value: fmt.Sprintf("%.0f", since(`servicebusdlq_payments_total{result="repeated"}`)), Note: "found booked"},
	}
	if len(d.measured.clean) > 0 {
		facts = append(facts, report.Fact{Name: "drained, each time", Value: fmt.Sprintf("%.0f/s", d.measured.poisoned), Note: fmt.Sprintf("with 1 %% poison; without %.0f/s", d.measured.clean)},
			report.Fact{Name: "table server meanwhile", Value: fmt.Sprintf("%.2f cores", slices.Max(d.measured.tables)), Note: "at most, of one that a Node process can use"})
	}
	if d.effects == nil {
		return facts
	}
	l := d.lags(d.setup.WarmUp, forever)
	ms := func(t time.Duration) string { return t.Round(time.Millisecond).String() }
	return append(facts, report.Fact{Name: "booked", Value: ms(quantile(l, 0.5)) + " / " + ms(quantile(l, 0.99)), Note: "after the acknowledgement, p50 / p99"})
}
