package orderprocessor

import (
	"fmt"
	"slices"
	"time"

	"github.com/provingground/provingground/loadtest/report"
)

// moment is what was in the queue at the end of a second of the run.
type moment struct {
	accepted  int           // in that second
	waiting   int           // accepted and not processed
	oldest    time.Duration // how long one of them had waited
	processed int           // in that second
}

// course is the run second by second, from the first order on.
func (d *Driver) course() []moment {
	type span struct{ from, to time.Duration } // accepted, processed
	start := d.start()
	var spans []span
	end := time.Duration(0)
	for key, s := range d.sent {
		if rows := d.effects.rows[key]; len(rows) > 0 && !s.acked.IsZero() {
			one := span{s.acked.Sub(start), max(s.acked.Sub(start), rows[0].at.Sub(start))}
			spans, end = append(spans, one), max(end, one.to)
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.from - b.from) })
	all := make([]moment, int(end/time.Second)+1)
	for _, s := range spans {
		from, to := int(s.from/time.Second), int(s.to/time.Second)
		all[from].accepted++
		all[to].processed++
		for i := from; i < to; i++ {
			all[i].waiting++
			all[i].oldest = max(all[i].oldest, time.Duration(i+1)*time.Second-s.from)
		}
	}
	return all
}

// Sampled implements [trial.Sampler]: accepted, backlog, oldest age and processors on
// one chart.
func (d *Driver) Sampled() []report.Sampled {
	if d.effects == nil {
		return nil
	}
	lines := []report.SampledLine{{Label: "accepted/s"}, {Label: "processed/s"}, {Label: "waiting"}, {Label: "oldest, s"}, {Label: "processors"}}
	for i, m := range d.course() {
		for j, value := range []float64{float64(m.accepted), float64(m.processed), float64(m.waiting), m.oldest.Seconds()} {
			lines[j].Samples = append(lines[j].Samples, report.Sample{At: report.Seconds(i + 1), Value: value})
		}
	}
	start := d.start()
	for _, look := range d.setup.Stack.Scalings(processor) {
		if at := look.At.Sub(start); at >= 0 {
			lines[4].Samples = append(lines[4].Samples, report.Sample{At: report.Secs(at), Value: float64(look.Processes)})
		}
	}
	rule := d.setup.Scenario.Role(processor).Scale
	return []report.Sampled{{
		Name: "Orders and processors", Lines: lines,
		Note: fmt.Sprintf("one processor for each %d waiting orders, looked at every %v, at most %d", rule.Messages, rule.Polling, rule.Max),
	}}
}
