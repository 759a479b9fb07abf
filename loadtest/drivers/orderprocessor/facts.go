package orderprocessor

import (
	"fmt"
	"slices"
	"time"

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
	type step struct {
		at time.Time
		by int
	}
	var steps []step
	for key, s := range d.sent {
		if rows := d.effects.rows[key]; len(rows) > 0 && !s.acked.IsZero() {
			steps = append(steps, step{s.acked, 1}, step{later(s.acked, rows[0].at), -1})
			oldest = max(oldest, rows[0].at.Sub(s.acked))
		}
	}
	slices.SortFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	n := 0
	for _, s := range steps {
		n += s.by
		most = max(most, n)
	}
	return most, oldest
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
