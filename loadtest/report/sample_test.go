package report_test

import (
	"math"
	"time"

	"github.com/provingground/provingground/loadtest/report"
)

// sample is a run of a drill: ten seconds of warm-up, then a minute in which a
// fault takes a few seconds.
func sample() *report.Report {
	r := &report.Report{
		Schema: report.Schema, Scenario: "urlshortener", Title: "URL shortener", Drill: "redis-down",
		Started: time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC), Elapsed: 70.1,
		Command: "go run ./loadtest urlshortener -drill redis-down",
		Host:    report.Host{Cores: 2, CPU: "AMD EPYC", OS: "Debian GNU/Linux 12, Linux 6.18", Go: "go1.26.8"},
		Checks: []report.Check{
			{Name: "rate", Result: report.Pass, Sentence: "10,000 redirects/s were sent as intended, none was dropped"},
			{Name: "p99", Result: report.Fail, Sentence: "p99 of redirects was 11.6 ms, the target is 10 ms"},
			{Name: "guarantee", Result: report.Pass, Sentence: "each of 3,000 acknowledged links resolves, none of the 40 deleted ones does"},
			{Name: "quiet machine", Result: report.Invalid, Sentence: "others used 12.0 % of the cores, the limit is 10 %"},
		},
		Flows: []report.Flow{reads(), creates()},
		Marks: []report.Mark{{At: 30, Text: "Redis killed"}, {At: 40, Text: "Redis started again"}},
		CPU: &report.CPU{
			Window: 60, Busy: 0.78, Generator: 0.13, Roles: 0.42, Servers: 0.11, Others: 0.12, Steal: 0.01,
			Processes: []report.Process{
				{Name: "api-1", Group: "role", PID: 4711, CPU: 25.2, RSS: 91 << 20},
				{Name: "redis", Group: "server", PID: 4712, CPU: 9.1, RSS: 14 << 20},
			},
		},
		Reference: &report.Reference{Rate: 10_000, P50: 0.52, P99: 1.41, LagP99: 1.1},
		OwnRate:   &report.Reference{Rate: 30_000, P50: 0.61, P99: 8.92, LagP99: 1.4},
		Facts: []report.Fact{
			{Name: "local hit rate", Value: "71.2 %", Note: "10,000 entries for 100,000 links"},
			{Name: "Redis hit rate", Value: "27.9 %"},
		},
		Contrast: []report.Contrast{
			{Name: "answered", Before: "17,212/s", After: "50,000/s"},
			{Name: "Redis commands per read", Before: "1.00", After: "0.02", Note: "of all processes"},
			{Name: "connections", Before: "45", After: "20", Course: &report.Course{
				Before: []report.Sample{{At: 0, Value: 0}, {At: 0.5, Value: 30}, {At: 1, Value: 45}, {At: 4, Value: 45}},
				After:  []report.Sample{{At: 0.1, Value: 2}, {At: 1.1, Value: 20}, {At: 3.9, Value: 19}},
			}},
		},
		Sampled: []report.Sampled{{
			Name: "queue", Note: "as the rule saw it", Lines: []report.SampledLine{
				{Label: "messages", Samples: []report.Sample{{At: 0, Value: 0}, {At: 35, Value: 4_000}, {At: 70, Value: 10}}},
				{Label: "processes", Samples: []report.Sample{{At: 0, Value: 2}, {At: 32, Value: 4}, {At: 70, Value: 2}}},
			},
		}},
	}
	r.Conclude()
	return r
}

func reads() report.Flow {
	f := report.Flow{
		Name: "redirects", Model: "open loop", Load: "constant 10000/s for 1m10s", WarmUp: 10, Workers: 64, TargetP99: 10,
		IntendedRate: 10_000, AchievedRate: 9_999.9, Goodput: 9_741.2,
		Warm: report.Counts{Intended: 100_000, Sent: 100_000, Completed: 100_000, Kinds: map[string]int64{"ok": 100_000}, Statuses: map[int]int64{302: 100_000}},
		Counts: report.Counts{
			Intended: 600_000, Sent: 600_000, Completed: 600_000, Late: 812,
			Kinds:    map[string]int64{"ok": 584_472, "refused": 15_500, "timeout": 20, "reset": 8},
			Statuses: map[int]int64{302: 578_400, 404: 6_072, 503: 15_500},
		},
		LatencyOK:  percentiles(584_472, 0.55, 11.6, 212),
		LatencyAll: percentiles(600_000, 0.54, 11.9, 5_000),
		Service:    percentiles(600_000, 0.15, 4.1, 5_000),
		Lag:        percentiles(600_000, 0.43, 1.3, 88),
	}
	for i := range 70 {
		f.Series = append(f.Series, readSecond(i))
	}
	return f
}

func readSecond(i int) report.Second {
	wave := report.Milliseconds(1 + 0.3*math.Sin(float64(i)*1.7))
	s := report.Second{
		Second: i, Seconds: 1, WarmUp: i < 10, Intended: 10_000, Sent: 10_000, OK: 10_000,
		P50: 0.5 * wave, P99: 2.1 * wave, Max: 7.5 * wave, Workers: 64,
	}
	if i == 0 {
		s.P50, s.P99, s.Max = 3, 40, 120
	}
	if 30 <= i && i < 40 {
		s.OK, s.Refused, s.Errors, s.P99, s.Max = 8_447, 1_550, 3, 11*wave, 90*wave
		s.Backlog = 400
	}
	s.Heat = heat(s.OK, s.P50, s.P99)
	return s
}

// heat spreads n successes over the buckets, normally on their logarithmic scale.
func heat(n int64, p50, p99 report.Milliseconds) *report.Heat {
	const sigmas = 2.326 // of the 99th percentile
	sigma := math.Log10(float64(p99/p50)) / sigmas
	cumulative := func(ms float64) float64 {
		return float64(n) * (1 + math.Erf(math.Log10(ms/float64(p50))/sigma/math.Sqrt2)) / 2
	}
	var h report.Heat
	for i, end := range ends() {
		count := uint32(math.Round(cumulative(end)) - math.Round(cumulative(end/math.Pow(10, 1.0/8))))
		switch {
		case count > 0:
			h.Counts = append(h.Counts, count)
		case len(h.Counts) > 0:
			return &h
		default:
			h.First = i + 1
		}
	}
	return &h
}

func ends() []float64 {
	var out []float64
	for i := range 55 {
		out = append(out, 0.01*math.Pow(10, float64(i+1)/8))
	}
	return out
}

func creates() report.Flow {
	f := report.Flow{
		Name: "creates", Model: "open loop", Load: "Poisson 50/s for 1m10s, seed 1", WarmUp: 10, Workers: 8, IntendedRate: 50, AchievedRate: 50, Goodput: 50,
		Counts:    report.Counts{Intended: 3_000, Sent: 3_000, Completed: 3_000, Kinds: map[string]int64{"ok": 3_000}, Statuses: map[int]int64{201: 3_000}},
		Warm:      report.Counts{Intended: 500, Sent: 500, Completed: 500, Kinds: map[string]int64{"ok": 500}, Statuses: map[int]int64{201: 500}},
		LatencyOK: percentiles(3_000, 4.2, 19, 41), LatencyAll: percentiles(3_000, 4.2, 19, 41),
		Service: percentiles(3_000, 3.8, 18, 40), Lag: percentiles(3_000, 0.4, 1.2, 3),
	}
	for i := range 70 {
		f.Series = append(f.Series, report.Second{
			Second: i, Seconds: 1, WarmUp: i < 10, Intended: 50, Sent: 50, OK: 50, P50: 4, P99: 14, Max: 19, Workers: 8,
			Heat: heat(50, 4, 14),
		})
	}
	return f
}

// percentiles runs a curve through the three values.
func percentiles(count int64, p50, p99, longest report.Milliseconds) report.Percentiles {
	p := report.Percentiles{
		Count: count, Mean: p50 * 1.2, StdDev: p50, P50: p50, P90: p50 + (p99-p50)/3, P99: p99,
		P999: p99 + (longest-p99)/4, Max: longest,
	}
	top := math.Log10(float64(count))
	for i := range 60 {
		nines := top * float64(i) / 59
		p.Curve = append(p.Curve, report.Point{Quantile: 1 - math.Pow(10, -nines), Value: between(p, nines, top)})
	}
	return p
}

func between(p report.Percentiles, nines, top float64) report.Milliseconds {
	geometric := func(a, b report.Milliseconds, share float64) report.Milliseconds {
		return a * report.Milliseconds(math.Pow(float64(b/a), share))
	}
	switch {
	case nines < 0.3:
		return geometric(p.P50/2, p.P50, nines/0.3)
	case nines < 2:
		return geometric(p.P50, p.P99, (nines-0.3)/1.7)
	}
	return geometric(p.P99, p.Max, (nines-2)/(top-2))
}
