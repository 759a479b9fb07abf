package orderprocessor

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
	stalled      = 45 * time.Second // without any progress: longer than a lock and a back-off together
	drainTarget  = 60 * time.Second // from the end of the spike until what it brought is processed
	ceilingShare = 0.7              // or this much of what the table server does alone
	forever      = 24 * time.Hour   // longer than any run
)

// Judge waits until every acknowledged order is processed or nothing moves any
// more, and compares.
func (d *Driver) Judge(ctx context.Context, o trial.Observed) ([]judge.Check, error) {
	d.hogging.Store(false)
	d.beside.Wait()
	if err := d.settle(ctx); err != nil {
		return nil, err
	}
	checks := []judge.Check{d.judgeLedger(o.Drill), d.judgeCustomers(), d.judgeOrder(), d.judgeDead()}
	if d.setup.Drill == "" {
		checks = append(checks, judge.NoErrors(o.Main()), d.judgeDrain())
	}
	return checks, nil
}

// settle looks until everything is there, and then a while longer: what comes
// twice comes late.
func (d *Driver) settle(ctx context.Context) (err error) {
	const quiet = 3 // seconds
	wanted := d.ledger.Totals().Acknowledged
	moved, seen, calm := time.Now(), -1, 0
	for calm < quiet && time.Since(moved) < stalled {
		if d.effects, err = d.look(ctx); err != nil {
			return fmt.Errorf("look for effects: %w", err)
		}
		n := 0
		for _, rows := range d.effects.rows {
			n += len(rows)
		}
		if n != seen {
			moved, seen, calm = time.Now(), n, 0
		} else if n >= wanted {
			calm++
		}
		if !sleep(ctx, time.Second) {
			return fmt.Errorf("%d of %d orders are processed: %w", n, wanted, ctx.Err())
		}
	}
	return nil
}

// judgeLedger wants each acknowledged order in the table once.
func (d *Driver) judgeLedger(drill bool) judge.Check {
	found := map[string]int{}
	for key, rows := range d.effects.rows {
		found[key] = len(rows)
	}
	return judge.Ledger(&d.ledger, found, "orders", drill)
}

// judgeCustomers wants each customer's status to be what the orders make of it, and
// their positions to be 1, 2, 3 and so on.
func (d *Driver) judgeCustomers() judge.Check {
	want, positions := map[string]customer{}, map[string][]int64{}
	var wrong []string
	for key, rows := range d.effects.rows {
		for _, r := range rows {
			c := want[r.customer]
			want[r.customer] = customer{c.orders + 1, c.total + r.total}
			positions[r.customer] = append(positions[r.customer], r.position)
			if s := d.sent[key]; s != nil && (s.order.total() != r.total || s.order.customer != r.customer) {
				wrong = append(wrong, fmt.Sprintf("order %s of %s over %d was processed for %s over %d", key, s.order.customer, s.order.total(), r.customer, r.total))
			}
		}
	}
	for name, got := range d.effects.customers {
		if got != want[name] {
			wrong = append(wrong, fmt.Sprintf("customer %s is %+v, the orders make it %+v", name, got, want[name]))
		}
	}
	for name, all := range positions {
		slices.Sort(all)
		for i, p := range all {
			if p != int64(i)+1 {
				wrong = append(wrong, fmt.Sprintf("customer %s has an order at position %d where %d belongs", name, p, i+1))
				break
			}
		}
	}
	slices.Sort(wrong)
	if len(wrong) > 0 {
		return judge.Checkf("customers", false, "%d things are wrong: %s", len(wrong), judge.Some(wrong))
	}
	return judge.Checkf("customers", true, "%d customers have each of their orders once, at positions without a gap", len(want))
}

// judgeOrder wants the orders of a customer processed in their order, where the
// first one was acknowledged before the second was sent.
func (d *Driver) judgeOrder() judge.Check {
	byCustomer := map[string][]judge.Ordered{}
	for key, s := range d.sent {
		if rows := d.effects.rows[key]; len(rows) == 1 && !s.acked.IsZero() {
			byCustomer[rows[0].customer] = append(byCustomer[rows[0].customer], judge.Ordered{What: key, Sent: s.first, Acked: s.acked, Position: rows[0].position})
		}
	}
	var wrong []string
	pairs := 0
	for _, name := range slices.Sorted(maps.Keys(byCustomer)) {
		n, late := judge.Overtaken(byCustomer[name])
		pairs += n
		wrong = append(wrong, late...)
	}
	if len(wrong) > 0 {
		return judge.Checkf("order", false, "%d orders were overtaken: %s", len(wrong), judge.Some(wrong))
	}
	return judge.Checkf("order", true, "none of %d orders was processed before one that had been acknowledged when it was sent", pairs)
}

// judgeDead wants no dead letter: no load sends poison, and an outage is none.
func (d *Driver) judgeDead() judge.Check {
	if len(d.effects.dead) > 0 {
		return judge.Checkf("dead letters", false, "%d healthy orders are on the dead-letter queue: %s", len(d.effects.dead), judge.Some(d.effects.dead))
	}
	return judge.Checkf("dead letters", true, "no healthy order is on the dead-letter queue")
}

// judgeDrain wants what had been acknowledged by the end of the spike to be
// processed soon after, or as fast as the table server allows.
func (d *Driver) judgeDrain() judge.Check {
	s := d.spike()
	start := d.start()
	end := start.Add(s.Begin + s.For)
	took, rate := d.drained(end), d.rate(start.Add(s.Begin), end)
	ok := took <= drainTarget || rate >= ceilingShare*d.raw
	return judge.Checkf("drain", ok, "what the spike brought was processed %v after its end (target %v), at %.0f/s; the table server alone does %.0f/s",
		took.Round(100*time.Millisecond), drainTarget, rate, d.raw).Timed()
}

// drained is how long after that time the last order was processed that had been
// acknowledged before it.
func (d *Driver) drained(end time.Time) (last time.Duration) {
	for key, s := range d.sent {
		if rows := d.effects.rows[key]; len(rows) > 0 && !s.acked.IsZero() && s.acked.Before(end) {
			last = max(last, rows[0].at.Sub(end))
		}
	}
	return last
}

// rate is how many orders a second were processed from the begin of the spike until
// it was drained.
func (d *Driver) rate(begin, end time.Time) float64 {
	until := end.Add(d.drained(end))
	n := 0
	for _, rows := range d.effects.rows {
		for _, r := range rows {
			if r.at.After(begin) && !r.at.After(until) {
				n++
			}
		}
	}
	return float64(n) / max(1, until.Sub(begin).Seconds())
}

// start is when the first order was sent.
func (d *Driver) start() time.Time {
	first := time.Now()
	for _, s := range d.sent {
		if s.first.Before(first) {
			first = s.first
		}
	}
	return first
}

// lags are how long after its acknowledgement each order was processed, of those
// acknowledged in that time, counted from the first one.
func (d *Driver) lags(from, until time.Duration, which func(order) bool) (all []time.Duration) {
	start := d.start()
	for key, s := range d.sent {
		rows := d.effects.rows[key]
		if at := s.acked.Sub(start); len(rows) > 0 && !s.acked.IsZero() && at >= from && at < until && which(s.order) {
			all = append(all, max(0, rows[0].at.Sub(s.acked)))
		}
	}
	slices.Sort(all)
	return all
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
