package webhooks

import (
	"fmt"
	"time"

	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/loadtest/trial"
)

// Facts says how fast events were applied, and in how large batches.
func (d *Driver) Facts(before, after trial.Metrics, _ float64) []report.Fact {
	since := func(name string) float64 { return after[name] - before[name] }
	facts := []report.Fact{
		{Name: "events in a transaction", Value: fmt.Sprintf("%.1f", since("webhooks_batch_events_sum")/max(1, since("webhooks_batch_events_count"))), Note: "mean"},
		{Name: "repeated deliveries", Value: fmt.Sprintf("%.0f", since(`webhooks_events_total{result="repeated"}`)), Note: "found in the inbox"},
		{Name: "keys resumed", Value: fmt.Sprintf("%.0f", since("webhooks_resumed_total")), Note: "after a publish that failed"},
	}
	if d.effects == nil {
		return facts
	}
	ms := func(t time.Duration) string { return t.Round(time.Millisecond).String() }
	l := d.lags(d.setup.WarmUp, forever)
	return append(facts, report.Fact{
		Name: "applied", Value: ms(quantile(l, 0.5)) + " / " + ms(quantile(l, 0.99)) + " / " + ms(quantile(l, 1)), Note: "after the acknowledgement, p50 / p99 / max",
	})
}
