package urlshortener

import (
	"fmt"

	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/loadtest/trial"
)

// lookup is the name of a counter of lookups.
func lookup(layer, result string) string {
	return fmt.Sprintf("urlshortener_lookups_total{layer=%q,result=%q}", layer, result)
}

// Facts says which layer answered.
func (d *Driver) Facts(before, after trial.Metrics, seconds float64) []report.Fact {
	since := func(name string) float64 { return after[name] - before[name] }
	asked, missed := since(lookup("memory", "asked")), since(lookup("memory", "miss"))
	hit, miss := since(lookup("redis", "hit")), since(lookup("redis", "miss"))
	read := since(lookup("dynamodb", "read")) + since(lookup("dynamodb", "error"))
	return []report.Fact{
		{Name: "memory hit rate", Value: percent(asked-missed, asked), Note: "in the processes' own caches, waiting for another's load included"},
		{Name: "Redis hit rate", Value: percent(hit, hit+miss), Note: "of what memory did not have"},
		{Name: "store reads", Value: fmt.Sprintf("%.1f/s", read/seconds), Note: fmt.Sprintf("%.0f were refused by the cap", since(lookup("dynamodb", "capped")))},
	}
}

func percent(part, of float64) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f %%", 100*part/of)
}
