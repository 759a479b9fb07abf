package imageresize

import (
	"fmt"
	"time"

	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/loadtest/trial"
)

// Facts says how long the sizes took, and what the queue of the beginning did.
func (d *Driver) Facts(before, after trial.Metrics, _ float64) []report.Fact {
	since := func(name string) float64 { return after[name] - before[name] }
	facts := []report.Fact{{
		Name: "attempts", Note: "of the resizers in the measured time: first to record, too late, found recorded",
		Value: fmt.Sprintf("%.0f / %.0f / %.0f", since(`imageresize_images_total{result="done"}`)+since(`imageresize_images_total{result="failed"}`),
			since(`imageresize_images_total{result="late"}`), since(`imageresize_images_total{result="repeated"}`)),
	}, {
		Name: "events sent again", Value: fmt.Sprintf("%.0f", since(`imageresize_swept_total{result="sent"}`)), Note: "by the sweepers: lost, or waiting for long",
	}}
	if d.effects == nil {
		return facts
	}
	first, second := d.memory.halves()
	between := func(w []time.Duration) string {
		return fmt.Sprintf("%v / %v", quantile(w, 0.5).Round(time.Millisecond), quantile(w, 1).Round(time.Millisecond))
	}
	drained := d.drained()
	return append(facts,
		report.Fact{Name: "queue worked off", Value: fmt.Sprintf("%v", drained.Sub(d.firstSent()).Round(100*time.Millisecond)), Note: fmt.Sprintf("after the first of %d pictures of 3 megapixels was accepted", d.setup.Records)},
		report.Fact{Name: "photo, all sizes", Value: between(d.waits(photo, drained, forever)), Note: "12 megapixels, after the upload was accepted, with no queue before it: p50 / slowest"},
		report.Fact{Name: "3 megapixels, all sizes", Value: between(d.waits(ordinary, drained, forever)), Note: "the same"},
		report.Fact{Name: "memory of a resizer", Value: fmt.Sprintf("%d / %d MB", first>>20, second>>20), Note: "most that was resident, first and second half of the run"},
	)
}

// firstSent returns when the first upload was accepted.
func (d *Driver) firstSent() (first time.Time) {
	for _, u := range d.uploads() {
		if !u.at.IsZero() && (first.IsZero() || u.at.Before(first)) {
			first = u.at
		}
	}
	return first
}
