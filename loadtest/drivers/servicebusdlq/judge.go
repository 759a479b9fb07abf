package servicebusdlq

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
)

const (
	lagTarget    = 5 * time.Second  // from the acknowledgement to the charge, at p99
	stalled      = 45 * time.Second // without any progress: longer than a lock and the longest back-off together
	minShare     = 0.9              // of the throughput without poison
	wanted       = 500              // payments a second
	ceilingShare = 0.7              // or this much of what the table server does alone
	forever      = 24 * time.Hour
)

// Judge waits until every acknowledged payment has its charge or its letter, or
// nothing moves any more, and compares.
func (d *Driver) Judge(ctx context.Context, o trial.Observed) ([]judge.Check, error) {
	if err := d.settle(ctx); err != nil {
		return nil, err
	}
	checks := []judge.Check{d.judgeCharges(o.Drill), d.judgeAmounts(), d.judgeLetters(o.Drill), d.judgeReasons(), d.judgeInnocent(), d.judgeOrder()}
	if len(o.Marks) == 0 {
		checks = append(checks, d.judgeLag("booked p99", d.lags(o.Main().WarmUp, forever)))
	} else {
		_, end := o.Fault()
		checks = append(checks, d.judgeLag("catch-up", d.lags(end+o.Recovery, forever)))
	}
	if len(d.measured.clean) > 0 {
		checks = append(checks, d.judgeDoubled(), d.judgeThroughput(), d.judgeRatio())
	}
	return checks, nil
}

// settle looks until everything is there, and then a while longer: what comes twice
// comes late.
func (d *Driver) settle(ctx context.Context) (err error) {
	const quiet = 2 // looks
	moved, seen, calm := time.Now(), "", 0
	for calm < quiet && time.Since(moved) < stalled {
		if d.effects, err = d.look(ctx); err != nil {
			return err
		}
		missing := d.missing()
		now := fmt.Sprint(missing, len(d.effects.charges), len(d.effects.letters))
		if now != seen {
			moved, seen, calm = time.Now(), now, 0
		} else if missing == 0 {
			calm++
		}
		if !sleep(ctx, time.Second) {
			return fmt.Errorf("%d effects are still missing: %w", missing, ctx.Err())
		}
	}
	return nil
}

// missing counts the acknowledged payments without what they should have.
func (d *Driver) missing() (n int) {
	for id, s := range d.acked() {
		booked := len(d.effects.charges[id]) > 0
		if s.payment.kind == wholesome && !booked || s.payment.kind != wholesome && !booked && len(d.effects.letters[id]) == 0 {
			n++
		}
	}
	return n
}

// mended tells a payment that was set right.
func (d *Driver) wasMended(p payment) bool { return p.kind == unpriced && d.mended.Load() }

func (d *Driver) compared(id string) bool { return strings.HasPrefix(id, d.run+"-compare-") }

// judgeCharges wants each acknowledged healthy payment booked once, and nothing else:
// poison only where a drill mended it.
func (d *Driver) judgeCharges(drill bool) judge.Check {
	found := map[string]int{}
	acked := d.acked()
	for id, rows := range d.effects.charges {
		s, ok := acked[id]
		if len(rows) == 1 && (d.compared(id) || ok && d.wasMended(s.payment)) {
			continue
		}
		found[id] = len(rows)
	}
	return judge.Ledger(&d.healthy, found, "healthy payments", drill)
}

// judgeAmounts wants each charge to be what was paid.
func (d *Driver) judgeAmounts() judge.Check {
	var wrong []string
	charges := 0
	for id, s := range d.acked() {
		for _, c := range d.effects.charges[id] {
			charges++
			if s.payment.amount != c.cents || s.payment.account != c.account {
				wrong = append(wrong, fmt.Sprintf("payment %s of %s over %d was booked for %s over %d", id, s.payment.account, s.payment.amount, c.account, c.cents))
			}
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return judge.Checkf("amounts", false, "%d charges are wrong: %s", len(wrong), judge.Some(wrong))
	}
	return judge.Checkf("amounts", true, "each of %d charges is what was paid", charges)
}

// judgeLetters wants each acknowledged poisoned payment shown once by the quarantine.
func (d *Driver) judgeLetters(drill bool) judge.Check {
	found := map[string]int{}
	acked := d.acked()
	for id, letters := range d.effects.letters {
		s, ok := acked[id]
		if d.compared(id) && len(letters) == 1 || ok && s.payment.kind == wholesome { // healthy ones have a check of their own
			continue
		}
		found[id] = len(letters)
	}
	for id, s := range acked { // what was tried when it was mended may have passed without dying
		if d.wasMended(s.payment) && len(d.effects.charges[id]) == 1 && found[id] == 0 {
			found[id] = 1
		}
	}
	c := judge.Ledger(&d.poison, found, "poisoned payments", drill)
	c.Name = "letters"
	return c
}

// judgeReasons wants each letter grouped by what is wrong with it.
func (d *Driver) judgeReasons() judge.Check {
	var wrong []string
	counts := map[string]int{}
	acked := d.acked()
	for id, letters := range d.effects.letters {
		s, ok := acked[id]
		if !ok || s.payment.kind == wholesome {
			continue
		}
		for _, l := range letters {
			counts[l.Reason]++
			if l.Reason != s.payment.kind.reason() {
				wrong = append(wrong, fmt.Sprintf("payment %s is shown as %s, want %s", id, l.Reason, s.payment.kind.reason()))
			}
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return judge.Checkf("reasons", false, "%d letters have not died of what is wrong with them: %s", len(wrong), judge.Some(wrong))
	}
	return judge.Checkf("reasons", true, "each letter says what is wrong with it: %v", counts)
}

// judgeInnocent wants no healthy payment given up: an outage is no poison.
func (d *Driver) judgeInnocent() judge.Check {
	var wrong []string
	for id, s := range d.acked() {
		if s.payment.kind == wholesome && len(d.effects.letters[id]) > 0 {
			wrong = append(wrong, fmt.Sprintf("payment %s is healthy and is quarantined: %s", id, d.effects.letters[id][0].Reason))
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return judge.Checkf("innocent", false, "%d healthy payments: %s", len(wrong), judge.Some(wrong))
	}
	return judge.Checkf("innocent", true, "no healthy payment is in the quarantine")
}

// judgeOrder wants the payments of an account that go through the queue with sessions
// booked in their order, where the first was acknowledged before the second was sent.
func (d *Driver) judgeOrder() judge.Check {
	byAccount := map[string][]judge.Ordered{}
	for id, s := range d.acked() {
		if rows := d.effects.charges[id]; s.payment.ordered && s.payment.kind == wholesome && len(rows) == 1 {
			byAccount[s.payment.account] = append(byAccount[s.payment.account], judge.Ordered{What: id, Sent: s.first, Acked: s.acked, Position: rows[0].at.UnixNano()})
		}
	}
	var wrong []string
	pairs := 0
	for _, account := range slices.Sorted(maps.Keys(byAccount)) {
		n, late := judge.Overtaken(byAccount[account])
		pairs += n
		wrong = append(wrong, late...)
	}
	if len(wrong) > 0 {
		return judge.Checkf("order", false, "%d payments of the queue with sessions were overtaken: %s", len(wrong), judge.Some(wrong))
	}
	// Every account comes again: without pairs nothing was shown.
	return judge.Checkf("order", pairs > 0, "none of %d payments of the queue with sessions was booked before one that had been acknowledged when it was sent", pairs)
}

// lags are how long after their acknowledgement healthy payments were booked, of those
// acknowledged in that time, counted from the first one.
func (d *Driver) lags(from, until time.Duration) (lags []time.Duration) {
	acked := d.acked()
	first := time.Now()
	for _, s := range acked {
		if s.first.Before(first) {
			first = s.first
		}
	}
	for id, s := range acked {
		rows := d.effects.charges[id]
		at := s.acked.Sub(first)
		if s.payment.kind != wholesome || len(rows) == 0 || at < from || at >= until {
			continue
		}
		lags = append(lags, max(0, rows[0].at.Sub(s.acked)))
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
	return judge.Checkf(name, len(lags) > 0 && p99 < lagTarget, "%d healthy payments were booked within %v at p99 (target %v)", len(lags), p99.Round(time.Millisecond), lagTarget).Timed()
}

// judgeDoubled wants the comparison to show what the question complains of, and the
// answer to be free of it.
func (d *Driver) judgeDoubled() judge.Check {
	return judge.Checkf("doubled", d.doubled.after == 0 && d.doubled.before > 0, "%d payments were booked more than once before, %d after (target none)", d.doubled.before, d.doubled.after)
}

func (d *Driver) judgeThroughput() judge.Check {
	poisoned := mean(d.measured.poisoned)
	return judge.Checkf("throughput", poisoned >= wanted || poisoned >= ceilingShare*d.raw, "%.0f healthy payments/s were booked with 1 %% poison; the table server alone does %.0f transactions/s: %.2f × (target %d/s or %.1f ×)",
		poisoned, d.raw, poisoned/max(1, d.raw), wanted, ceilingShare).Timed()
}

func (d *Driver) judgeRatio() judge.Check {
	poisoned, clean := mean(d.measured.poisoned), mean(d.measured.clean)
	return judge.Checkf("poison", poisoned >= minShare*clean, "%.0f healthy payments/s with 1 %% poison, %.0f/s without: %.2f × (target %.1f ×)",
		poisoned, clean, poisoned/clean, minShare).Timed()
}
