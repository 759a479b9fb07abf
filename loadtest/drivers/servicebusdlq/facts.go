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
		facts = append(facts, d.drainedFacts()...)
	}
	if d.effects == nil {
		return facts
	}
	l := d.lags(d.setup.WarmUp, forever)
	ms := func(t time.Duration) string { return t.Round(time.Millisecond).String() }
	return append(facts, report.Fact{Name: "booked", Value: ms(quantile(l, 0.5)) + " / " + ms(quantile(l, 0.99)), Note: "after the acknowledgement, p50 / p99"})
}

// drainedFacts says of the measured backlogs what each did, and what was at its limit.
func (d *Driver) drainedFacts() []report.Fact {
	m := d.measured
	tables := 0.0
	for _, each := range slices.Concat(m.clean, m.poisoned) {
		tables = max(tables, each.tables)
	}
	ms := func(t time.Duration) string { return fmt.Sprintf("%.2f ms", float64(t)/float64(time.Millisecond)) }
	return []report.Fact{
		{Name: "drained, each time", Value: fmt.Sprintf("%.0f/s", rates(m.poisoned)), Note: fmt.Sprintf("with 1 %% poison; without %.0f/s", rates(m.clean))},
		{Name: "CPU of a payment", Value: ms(cpu(m.poisoned)), Note: fmt.Sprintf("of servers and roles, with 1 %% poison; without %s", ms(cpu(m.clean)))},
		{Name: "table server meanwhile", Value: fmt.Sprintf("%.2f cores", tables), Note: "at most; Azurite is one Node process and has no use for more than one"},
	}
}
