package report

import (
	"slices"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/machine"
)

// New returns a report of what the engine measured. The caller adds who ran
// what, the checks, and concludes.
func New(res *engine.Result) *Report {
	r := &Report{
		Schema: Schema, Started: res.Start, Elapsed: Secs(res.Elapsed), Interrupted: res.Interrupted,
		Checks: []Check{}, Flows: []Flow{},
	}
	for _, f := range res.Flows {
		r.Flows = append(r.Flows, flowOf(f))
	}
	return r
}

func flowOf(f engine.FlowResult) Flow {
	flow := Flow{
		Name: f.Name, Model: string(f.Model), Load: f.Load, WarmUp: Secs(f.WarmUp), Workers: f.Workers,
		IntendedRate: f.IntendedRate, AchievedRate: f.AchievedRate, Goodput: f.Goodput,
		Counts: countsOf(f.Measured), Warm: countsOf(f.Warm),
		LatencyOK: PercentilesOf(f.LatencyOK), LatencyAll: PercentilesOf(f.LatencyAll),
		Service: PercentilesOf(f.Service), Lag: PercentilesOf(f.Lag),
		Series: []Second{},
	}
	for _, s := range f.Series {
		flow.Series = append(flow.Series, secondOf(s))
	}
	return flow
}

func countsOf(c engine.Counts) Counts {
	out := Counts{
		Intended: c.Intended, Sent: c.Sent, Completed: c.Completed, Late: c.Late,
		Unanswered: c.Unanswered, Unsent: c.Unsent,
		Kinds: map[string]int64{}, Statuses: c.Statuses,
	}
	for kind, n := range c.Kinds {
		out.Kinds[kind.String()] = n
	}
	return out
}

// PercentilesOf returns the percentiles and the curve of a histogram.
func PercentilesOf(h *engine.Histogram) Percentiles {
	p := Percentiles{
		Count: h.Count(), Mean: Millis(h.Mean()), StdDev: Millis(h.StdDev()), Max: Millis(h.Max()),
		P50: Millis(h.Quantile(0.5)), P90: Millis(h.Quantile(0.9)),
		P99: Millis(h.Quantile(0.99)), P999: Millis(h.Quantile(0.999)),
	}
	for _, point := range h.Curve() {
		p.Curve = append(p.Curve, Point{Quantile: point.Quantile, Value: Millis(point.Value)})
	}
	return p
}

func secondOf(s engine.Second) Second {
	return Second{
		Second: s.Second, Seconds: s.Seconds, WarmUp: s.WarmUp, Intended: s.Intended, Sent: s.Sent,
		OK: s.OK, Refused: s.Refused, Errors: s.Errors,
		P50: Millis(s.P50), P99: Millis(s.P99), Max: Millis(s.Max),
		Backlog: s.Backlog, Workers: s.Workers, Heat: heatOf(&s.Heat),
	}
}

// heatOf leaves out the empty buckets at both ends.
func heatOf(h *engine.Heat) *Heat {
	first, last := len(h), -1
	for i, n := range h {
		if n > 0 {
			first, last = min(first, i), i
		}
	}
	if last < 0 {
		return nil
	}
	return &Heat{First: first, Counts: slices.Clone(h[first : last+1])}
}

// HostOf returns the machine.
func HostOf(h machine.Host) Host { return Host{Cores: h.Cores, CPU: h.CPU, OS: h.OS, Go: h.Go} }

// CPUOf returns who used it.
func CPUOf(u machine.Usage) *CPU {
	c := &CPU{
		Window: Secs(u.Window), Busy: u.Busy, Generator: u.Generator, Roles: u.Roles,
		Servers: u.Servers, Others: u.Others, Interrupts: u.Interrupts, Steal: u.Steal,
		Processes: []Process{},
	}
	for _, p := range u.Processes {
		c.Processes = append(c.Processes, Process{
			Name: p.Name, Group: string(p.Group), PID: p.PID, CPU: Secs(p.CPU), RSS: p.RSS,
		})
	}
	return c
}

// ReferenceOf returns how the reference server did.
func ReferenceOf(r machine.Reference) *Reference {
	return &Reference{Rate: r.Rate, Failed: r.Failed, P50: Millis(r.P50), P99: Millis(r.P99), LagP99: Millis(r.LagP99)}
}
