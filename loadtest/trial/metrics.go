package trial

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Metrics are the processes' own counters, summed, by name and labels as the
// exposition format spells them.
type Metrics map[string]float64

// Scrape reads the scenario's counters, those whose names begin with its slug,
// from all processes. One that does not answer within a second counts as zero:
// a drill may have ended or frozen it.
func (s Setup) Scrape(ctx context.Context) Metrics {
	client := &http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	sum := make(Metrics)
	for _, in := range s.Stack.Instances {
		sum.add(ctx, client, in.AdminURL+"/metrics", s.Scenario.Slug+"_")
	}
	return sum
}

func (m Metrics) add(ctx context.Context, client *http.Client, url, prefix string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	resp, err := client.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(io.LimitReader(resp.Body, 1<<20))
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if !ok || !strings.HasPrefix(name, prefix) {
			continue
		}
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			m[name] += n
		}
	}
}
