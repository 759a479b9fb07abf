package checkout

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
	withoutTarget = 500 * time.Millisecond // of an answer, at p99, without the provider's time
	mostServers   = 20                     // server connections
	stalled       = 40 * time.Second       // without any progress: longer than a visibility, a grace and a back-off
)

// Judge waits until every acknowledged cart is an order with the provider's word or
// nothing moves any more, and compares.
func (d *Driver) Judge(ctx context.Context, o trial.Observed) ([]judge.Check, error) {
	if err := d.settle(ctx); err != nil {
		return nil, err
	}
	checks := []judge.Check{
		judge.Ledger(&d.ledger, d.effects.orders, "orders", o.Drill),
		d.judgeSettled(), d.judgeMoney(), d.judgeStock(),
	}
	dead, err := deadLetters(ctx, d.setup.Env())
	if err != nil {
		return nil, err
	}
	checks = append(checks, judge.Checkf("dead letters", dead == 0, "%d healthy carts are on the dead-letter queue", dead))
	if len(o.Marks) == 0 {
		checks = append(checks, d.judgeWithout(), d.judgeConnections())
		checks = append(checks, d.judgeHalves()...)
	}
	return checks, nil
}

func (d *Driver) settle(ctx context.Context) (err error) {
	moved, seen := time.Now(), -1
	for {
		if d.effects, err = d.look(ctx); err != nil {
			return err
		}
		missing := d.effects.pending + d.missing()
		if missing == 0 || time.Since(moved) > stalled {
			return nil
		}
		if missing != seen {
			moved, seen = time.Now(), missing
		}
		if !sleep(ctx, time.Second) {
			return fmt.Errorf("%d carts are not settled: %w", missing, ctx.Err())
		}
	}
}

// missing counts the acknowledged carts without an order.
func (d *Driver) missing() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.carts {
		if _, there := d.effects.states[c.id]; !there {
			n++
		}
	}
	return n
}

// judgeSettled wants no order without the provider's word.
func (d *Driver) judgeSettled() judge.Check {
	var wrong []string
	for id, state := range d.effects.states {
		if state == "pending" {
			wrong = append(wrong, "order "+id+" is still pending")
		}
	}
	slices.Sort(wrong)
	if len(wrong) > 0 {
		return judge.Checkf("settled orders", false, "%s", judge.Some(wrong))
	}
	return judge.Checkf("settled orders", true, "each of %d orders is paid or refused", len(d.effects.states))
}

// judgeMoney wants one captured charge of each paid order, of what its lines come to,
// and none of any other.
func (d *Driver) judgeMoney() judge.Check {
	e := d.effects
	var wrong []string
	paid := 0
	var cents int64
	for _, id := range slices.Sorted(maps.Keys(e.states)) {
		n, state := e.captured[id], e.states[id]
		switch {
		case state == "paid" && n != 1:
			wrong = append(wrong, fmt.Sprintf("order %s is paid and was charged %d times", id, n))
		case state == "paid" && e.charged[id] != e.amounts[id]:
			wrong = append(wrong, fmt.Sprintf("order %s comes to %d and was charged %d", id, e.amounts[id], e.charged[id]))
		case state == "refused" && n != 0:
			wrong = append(wrong, fmt.Sprintf("order %s is refused and was charged %d times", id, n))
		case state == "paid":
			paid++
			cents += e.amounts[id]
		}
	}
	for _, id := range e.strangers {
		wrong = append(wrong, fmt.Sprintf("order %s was charged and is not there", id))
	}
	if len(wrong) > 0 {
		return judge.Checkf("money", false, "%s", judge.Some(wrong))
	}
	return judge.Checkf("money", true, "each of %d paid orders was charged once, %d.%02d in all, and no other", paid, cents/100, cents%100)
}

func (d *Driver) judgeStock() judge.Check {
	if len(d.effects.missing) > 0 {
		return judge.Checkf("stock", false, "%s", judge.Some(d.effects.missing))
	}
	return judge.Checkf("stock", true, "the stock of %d products is what the orders left", d.setup.Records)
}

func (d *Driver) judgeWithout() judge.Check {
	d.mu.Lock()
	defer d.mu.Unlock()
	p99 := quantile(d.without, 0.99)
	return judge.Checkf("own p99", len(d.without) > 0 && p99 < withoutTarget, "without the provider's time, checkouts took %v at p99 (target %v)",
		p99.Round(time.Millisecond), withoutTarget).Timed()
}

// judgeConnections wants few of them, in the load and in the comparison of the
// system as it is.
func (d *Driver) judgeConnections() judge.Check {
	looks := d.servers.course()
	for _, h := range d.halves[min(1, len(d.halves)):] {
		looks = append(looks, h.servers...)
	}
	most := highest(looks)
	return judge.Checkf("connections", len(looks) > 0 && most <= mostServers, "the database had at most %d connections of the application in %d looks (limit %d)", most, len(looks), mostServers)
}

// judgeHalves wants what the question asks for of the comparison.
func (d *Driver) judgeHalves() []judge.Check {
	if len(d.halves) != 2 {
		return nil // no comparison was made
	}
	was, is := d.halves[0], d.halves[1]
	failing := 100 * float64(was.failed) / float64(max(1, was.asked))
	return []judge.Check{
		judge.Checkf("before fails", failing >= 5, "%.1f %% of the checkouts failed on the system as it was (at least 5 %%): %s", failing, was.how).Timed(),
		judge.Checkf("after holds", is.failed == 0, "%d of %d checkouts failed on the system as it is: %s", is.failed, is.asked, is.how).Timed(),
		judge.Checkf("after p99", is.p99 < withoutTarget, "without the provider's time, the shoppers' checkouts took %v at p99 (target %v); they used %s", is.p99.Round(time.Millisecond), withoutTarget, is.processor).Timed(),
		judge.Checkf("schema", was.schema == is.schema, "the schema is %s before and %s after", was.schema, is.schema),
	}
}

func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
