package main

import (
	"strings"
	"testing"
	"time"
)

func TestVegetasReportIsRead(t *testing.T) {
	const text = `{"latencies":{"total":1,"mean":2,"50th":300000,"90th":400000,"95th":5,"99th":13600000,"max":32000000,"min":1},
"bytes_in":{"total":0,"mean":0},"earliest":"2026-11-24T10:00:00Z","duration":2999900000,"wait":100000,"requests":30000,
"rate":10000.3,"throughput":9999,"success":1,"status_codes":{"0":2,"302":29998},"errors":["EOF"]}`
	got, err := parseVegeta([]byte(text))
	want := sample{
		requests: 30_000, failed: 2, elapsed: 3 * time.Second,
		latency: quantiles{300 * time.Microsecond, 400 * time.Microsecond, 13600 * time.Microsecond, 32 * time.Millisecond},
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, broken := range []string{"", "{}", "no JSON"} {
		if _, err := parseVegeta([]byte(broken)); err == nil {
			t.Errorf("%q: no error", broken)
		}
	}
}

func TestWrk2sReportIsRead(t *testing.T) {
	const text = `  Latency Distribution (HdrHistogram - Recorded Latency)
 50.000%    1.14ms
 75.000%    1.50ms
 90.000%    2.00s
 99.000%  900.00us
100.000%    1.00m
  190000 requests in 20.00s, 30MB read
`
	got, err := parseWrk2(text)
	want := quantiles{1140 * time.Microsecond, 2 * time.Second, 900 * time.Microsecond, time.Minute}
	if err != nil || got.latency != want || got.requests != 190_000 {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if _, err := parseWrk2(strings.Replace(text, "99.000%", "98.000%", 1)); err == nil {
		t.Error("no error without a p99")
	}
}

func TestRatiosAreTakenWithinQuietRounds(t *testing.T) {
	fast := func(requests int64, others float64) sample {
		return sample{requests: requests, elapsed: time.Second, client: time.Second, others: others}
	}
	rows := []row{
		{wrkAtMost, []sample{fast(100, 0), fast(10, 0.2), fast(100, 0.01), fast(100, 0)}},
		{oursAtMost, []sample{fast(92, 0.05), fast(95, 0), fast(80, 0), fast(70, 0.11)}},
	}
	got := figures(rows)[0]
	if len(got.rounds) != 2 || got.best() != 0.92 || !strings.HasPrefix(got.String(), "✓ maximum") {
		t.Errorf("%s, of rounds %v: want the first, for the second and the last were not quiet", got, got.rounds)
	}
	if got := figures(rows)[1]; !strings.HasPrefix(got.String(), "✓ CPU") || got.best() < 1.08 || got.best() > 1.09 {
		t.Errorf("%s, want the lowest ratio", got)
	}
	if got := figures(rows)[2]; !strings.HasPrefix(got.String(), "? ") {
		t.Errorf("%s, want it unknown: nothing was measured", got)
	}
}

func TestAFigureOutsideItsBoundsSaysSo(t *testing.T) {
	for _, tc := range []struct {
		f    figure
		want string
	}{
		{figure{"a", "≤ 2 ms", []float64{3, 2.5}, 0, 2, " ms"}, "✗ a"},
		{figure{"a", "all", []float64{99_999, 100_000}, 100_000, 100_000, ""}, "✓ a"},
		{figure{"a", "all", []float64{99_999}, 100_000, 100_000, ""}, "✗ a"},
		{figure{"a", "1,800 to 2,300 ms", []float64{1700, 2400, 1900}, 1800, 2300, " ms"}, "✓ a"},
		{figure{"a", "≥ 800 ms", []float64{100, 799}, 800, 1e9, " ms"}, "✗ a"},
	} {
		if got := tc.f.String(); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%v: %q, want %q", tc.f.rounds, got, tc.want)
		}
	}
}
