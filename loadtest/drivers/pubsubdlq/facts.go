package pubsubdlq

import (
	"fmt"
	"time"

	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/loadtest/trial"
)

// Facts says how fast the charges followed, and what happened to deliveries.
func (d *Driver) Facts(before, after trial.Metrics, seconds float64) []report.Fact {
	since := func(outcome string) string {
		name := fmt.Sprintf("pubsubdlq_messages_total{outcome=%q}", outcome)
		return fmt.Sprintf("%.1f/s", (after[name]-before[name])/max(1, seconds))
	}
	facts := []report.Fact{
		{Name: "deliveries charged", Value: since("done")},
		{Name: "deliveries that failed", Value: since("retried"), Note: "and come again"},
		{Name: "deliveries buried", Value: since("dead")},
		{Name: "deliveries given back", Value: since("released"), Note: "without having failed"},
	}
	if d.effects == nil {
		return facts
	}
	l := d.lags(d.setup.WarmUp, forever)
	ms := func(t time.Duration) string { return t.Round(time.Millisecond).String() }
	return append(facts,
		report.Fact{Name: "charged", Value: ms(quantile(l, 0.5)) + " / " + ms(quantile(l, 0.99)), Note: "after the acknowledgement, p50 / p99"},
		report.Fact{Name: "most deliveries", Value: fmt.Sprint(d.effects.most), Note: "of an event that was charged"},
	)
}
