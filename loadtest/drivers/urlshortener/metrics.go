package urlshortener

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Metrics are the processes' own counters, summed, by name and labels as the
// exposition format spells them.
type Metrics map[string]float64

// Scrape reads the counters of all processes. One that does not answer counts
// as zero: a drill may have ended it.
func (d *Driver) Scrape(ctx context.Context) Metrics {
	sum := make(Metrics)
	for _, url := range d.cfg.AdminURLs {
		scrapeInto(ctx, sum, url+"/metrics")
	}
	return sum
}

func scrapeInto(ctx context.Context, sum Metrics, url string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(io.LimitReader(resp.Body, 1<<20))
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if !ok || !strings.HasPrefix(name, "urlshortener_") {
			continue
		}
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			sum[name] += n
		}
	}
}

func lookup(layer, result string) string {
	return fmt.Sprintf("urlshortener_lookups_total{layer=%q,result=%q}", layer, result)
}

// A Fact is a figure for the report.
type Fact struct{ Name, Value, Note string }

// Facts says which layer answered, from counters before and after.
func (d *Driver) Facts(before, after Metrics, seconds float64) []Fact {
	since := func(name string) float64 { return after[name] - before[name] }
	asked, missed := since(lookup("memory", "asked")), since(lookup("memory", "miss"))
	hit, miss := since(lookup("redis", "hit")), since(lookup("redis", "miss"))
	read := since(lookup("dynamodb", "read")) + since(lookup("dynamodb", "error"))
	return []Fact{
		{"memory hit rate", percent(asked-missed, asked), "in the processes' own caches, waiting for another's load included"},
		{"Redis hit rate", percent(hit, hit+miss), "of what memory did not have"},
		{"store reads", fmt.Sprintf("%.1f/s", read/seconds), fmt.Sprintf("%.0f were refused by the cap", since(lookup("dynamodb", "capped")))},
	}
}

func percent(part, of float64) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f %%", 100*part/of)
}

// Disturbance completes what a drill did by what the processes counted.
func (m Metrics) Disturbance(kills int) Disturbance {
	return Disturbance{
		Kills:          kills,
		UnsureBatches:  int64(m["urlshortener_click_batches_unsure_total"]),
		DroppedCounted: int64(m["urlshortener_clicks_dropped_total"]),
	}
}
