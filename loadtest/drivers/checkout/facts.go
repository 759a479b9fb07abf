package checkout

import (
	"fmt"
	"time"

	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/loadtest/trial"
)

// Facts says what the platform did, and how fast checkouts are without the provider.
func (d *Driver) Facts(before, after trial.Metrics, _ float64) []report.Fact {
	d.mu.Lock()
	defer d.mu.Unlock()
	return []report.Fact{
		{Name: "environments", Value: fmt.Sprintf("%.0f", after["checkout_checkout_lambda_environments"]), Note: platform("checkout", before, after)},
		{Name: "answered with 202", Value: fmt.Sprint(d.queued), Note: "queued, or pending at the provider"},
		{Name: "own time", Value: quantile(d.without, 0.5).Round(time.Millisecond).String() + " / " + quantile(d.without, 0.99).Round(time.Millisecond).String(), Note: "without the provider's, p50 / p99"},
	}
}
