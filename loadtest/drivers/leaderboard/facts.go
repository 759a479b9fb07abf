package leaderboard

import (
	"fmt"

	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/loadtest/trial"
)

// Facts says what reads cost.
func (d *Driver) Facts(was, is trial.Metrics, seconds float64) []report.Fact {
	since := func(name string) float64 { return is[name] - was[name] }
	sent, counted := d.costs.perRead()
	reads := float64(max(1, d.reads.Load()))
	return []report.Fact{
		{Name: "Redis commands", Value: perThousand(sent), Note: fmt.Sprintf("as sent; Redis, which counts those in scripts, says %.1f", 1000*counted)},
		{Name: "not modified", Value: fmt.Sprintf("%.1f %%", 100*float64(d.same.Load())/reads), Note: "of the reads"},
		{Name: "marked stale", Value: fmt.Sprintf("%.2f %%", 100*float64(d.stale.Load())/reads), Note: "of the pages"},
		{Name: "transactions", Value: fmt.Sprintf("%.1f/s", since("leaderboard_batches_total")/seconds), Note: fmt.Sprintf("%.0f started over; the stream repaired %.0f players", since("leaderboard_batches_retried_total"), since("leaderboard_repaired_total"))},
	}
}
