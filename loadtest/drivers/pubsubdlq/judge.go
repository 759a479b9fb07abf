package pubsubdlq

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
)

const (
	lagTarget = 5 * time.Second  // from the acknowledgement to the charge, at p99
	stalled   = 45 * time.Second // without any progress: longer than a lease and the longest back-off together
	minShare  = 0.9              // of the throughput without poison
	forever   = 24 * time.Hour
)

// Judge waits until every acknowledged event has its charge or its letter, or
// nothing moves any more, and compares.
func (d *Driver) Judge(ctx context.Context, o trial.Observed) ([]judge.Check, error) {
	if err := d.settle(ctx); err != nil {
		return nil, err
	}
	checks := []judge.Check{d.judgeCharges(o.Drill), d.judgeBalances(), d.judgeLetters(o.Drill), d.judgeReasons(), d.judgeTopic(), d.judgeInnocent()}
	if len(o.Marks) == 0 {
		checks = append(checks, d.judgeLag("charged p99", d.lags(o.Main().WarmUp, forever)))
	} else {
		_, end := o.Fault()
		checks = append(checks, d.judgeLag("catch-up", d.lags(end+o.Recovery, forever)))
	}
	if d.measured.clean > 0 {
		checks = append(checks, d.judgeThroughput())
	}
	return checks, nil
}

// settle looks until everything is there.
func (d *Driver) settle(ctx context.Context) (err error) {
	moved, seen := time.Now(), -1
	for {
		if d.effects, err = d.look(ctx); err != nil {
			return err
		}
		missing := d.missing()
		if missing == 0 || time.Since(moved) > stalled {
			return nil
		}
		if missing != seen {
			moved, seen = time.Now(), missing
		}
		if !sleep(ctx, time.Second) {
			return fmt.Errorf("%d effects are still missing: %w", missing, ctx.Err())
		}
	}
}

// missing counts the acknowledged events without what they should have.
func (d *Driver) missing() (n int) {
	heard := d.topic.heard()
	for id, s := range d.acked() {
		switch {
		case s.kind == wholesome, d.mended.Load() && s.kind.mendable():
			if d.effects.charges[id] == 0 {
				n++
			}
		case len(d.effects.letters[id]) == 0 || heard[id] == 0:
			n++
		}
	}
	return n
}

func (d *Driver) acked() map[string]*sent {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.events)
}

// judgeCharges wants each acknowledged healthy event charged once, and nothing else:
// poison only where a drill mended it.
func (d *Driver) judgeCharges(drill bool) judge.Check {
	found := maps.Clone(d.effects.others)
	mended := 0
	acked := d.acked()
	for id, n := range d.effects.charges {
		s := acked[id]
		if n == 1 && s != nil && s.kind.mendable() && d.mended.Load() {
			mended++
			continue
		}
		found[id] = n
	}
	return judge.Ledger(&d.healthy, found, "healthy events", drill)
}

func (d *Driver) judgeBalances() judge.Check {
	if n := len(d.effects.balances); n > 0 {
		return judge.Checkf("balances", false, "the balance of %d accounts is not the sum of their charges, such as %s", n, d.effects.balances[0])
	}
	return judge.Checkf("balances", true, "each balance is the sum of its charges")
}

// judgeLetters wants each acknowledged poisoned event shown once by the tool.
func (d *Driver) judgeLetters(drill bool) judge.Check {
	found := map[string]int{}
	acked := d.acked()
	for id, letters := range d.effects.letters {
		if s := acked[id]; s == nil || s.kind != wholesome { // healthy ones have a check of their own
			found[id] = len(letters)
		}
	}
	if d.mended.Load() { // what was tried when it was mended may have passed without dying
		for id, s := range acked {
			if s.kind.mendable() && d.effects.charges[id] == 1 && found[id] == 0 {
				found[id] = 1
			}
		}
	}
	c := judge.Ledger(&d.poison, found, "poisoned events", drill)
	c.Name = "letters"
	return c
}

// judgeReasons wants each letter grouped by what is wrong with it, and given up after
// the failures that its kind is allowed.
func (d *Driver) judgeReasons() judge.Check {
	var wrong []string
	counts := map[string]int{}
	acked := d.acked()
	for id, letters := range d.effects.letters {
		s := acked[id]
		if s == nil || s.kind == wholesome {
			continue
		}
		for _, l := range letters {
			counts[l.reason]++
			// A permanent one may have been cut off before, on a busy machine.
			least, most := 1, 5
			if s.kind >= unpriced {
				least, most = 5, 6
			}
			if l.reason != s.kind.reason() && !d.mended.Load() || l.failures < least || l.failures > most {
				wrong = append(wrong, fmt.Sprintf("event %s is shown as %s after %d failures, want %s after %d", id, l.reason, l.failures, s.kind.reason(), least))
			}
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return judge.Checkf("reasons", false, "%d letters have not died of what is wrong with them: %s", len(wrong), judge.Some(wrong))
	}
	return judge.Checkf("reasons", true, "each letter says what is wrong with it: %v", counts)
}

// judgeTopic wants each acknowledged poisoned event on the dead-letter topic itself.
func (d *Driver) judgeTopic() judge.Check {
	heard := d.topic.heard()
	var missing []string
	n, twice := 0, 0
	for id, s := range d.acked() {
		if s.kind == wholesome || d.mended.Load() && s.kind.mendable() {
			continue
		}
		n++
		if heard[id] > 1 {
			twice++
		}
		if heard[id] == 0 {
			missing = append(missing, fmt.Sprintf("event %s was acknowledged at %s and never came from the dead-letter topic", id, s.at.Format("15:04:05.000")))
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return judge.Checkf("dead-letter topic", false, "%s", judge.Some(missing))
	}
	return judge.Checkf("dead-letter topic", true, "each of %d poisoned events came from the dead-letter topic, %d more than once", n, twice)
}

// judgeInnocent wants no healthy event given up: an outage is no poison.
func (d *Driver) judgeInnocent() judge.Check {
	var wrong []string
	heard := d.topic.heard()
	for id, s := range d.acked() {
		if s.kind == wholesome && (len(d.effects.letters[id]) > 0 || heard[id] > 0) {
			why := "on the topic"
			if len(d.effects.letters[id]) > 0 {
				why = d.effects.letters[id][0].reason
			}
			wrong = append(wrong, fmt.Sprintf("event %s is healthy and was dead-lettered: %s", id, why))
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return judge.Checkf("dead letters", false, "%d healthy events: %s", len(wrong), judge.Some(wrong))
	}
	return judge.Checkf("dead letters", true, "no healthy event was dead-lettered; the one charged last in deliveries took %d", d.effects.most)
}

// lags are how long after their acknowledgement healthy events were charged, of those
// acknowledged in that time, counted from the first one.
func (d *Driver) lags(from, until time.Duration) (lags []time.Duration) {
	acked := d.acked()
	first := time.Now()
	for _, s := range acked {
		if s.at.Before(first) {
			first = s.at
		}
	}
	for id, s := range acked {
		charged, ok := d.effects.charged[id]
		at := s.at.Sub(first)
		if s.kind != wholesome || !ok || at < from || at >= until {
			continue
		}
		lags = append(lags, max(0, charged.Sub(s.at)))
	}
	slices.Sort(lags)
	return lags
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func (d *Driver) judgeLag(name string, lags []time.Duration) judge.Check {
	p99 := quantile(lags, 0.99)
	return judge.Checkf(name, len(lags) > 0 && p99 < lagTarget, "%d healthy events were charged within %v at p99 (target %v)", len(lags), p99.Round(time.Millisecond), lagTarget).Timed()
}

func (d *Driver) judgeThroughput() judge.Check {
	m := d.measured
	return judge.Checkf("throughput", m.poisoned >= minShare*m.clean, "%.0f healthy events/s were charged with 1 %% poison, %.0f/s without: %.2f × (target %.1f ×)",
		m.poisoned, m.clean, m.poisoned/m.clean, minShare).Timed()
}
