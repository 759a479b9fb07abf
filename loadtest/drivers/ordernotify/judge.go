package ordernotify

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
	effectTarget = 5 * time.Second  // both effects of an order, at p99
	stalled      = 60 * time.Second // without any progress: longer than a lease, its wait, a visibility and a back-off together
	forever      = 24 * time.Hour   // longer than any run
)

// Judge waits until every acknowledged order has its effects or nothing moves
// any more, and compares.
func (d *Driver) Judge(ctx context.Context, o trial.Observed) ([]judge.Check, error) {
	if err := d.settle(ctx); err != nil {
		return nil, err
	}
	checks := []judge.Check{d.judgeLedger(o.Drill), d.judgeDecisions(), d.judgeStock(), d.judgeMails(), d.judgeDoubles(o), d.judgeDead()}
	if len(o.Marks) == 0 {
		checks = append(checks, d.judgeEffects(d.lags(o.Main().WarmUp, forever)))
	}
	return checks, nil
}

// settle looks until everything is there, and then at the mailbox.
func (d *Driver) settle(ctx context.Context) (err error) {
	moved, seen := time.Now(), -1
	for {
		if d.effects, err = d.look(ctx); err != nil {
			return err
		}
		missing := d.missing()
		if missing == 0 || time.Since(moved) > stalled {
			break
		}
		if missing != seen {
			moved, seen = time.Now(), missing
		}
		if !sleep(ctx, time.Second) {
			return fmt.Errorf("%d effects are still missing: %w", missing, ctx.Err())
		}
	}
	env := d.setup.Env()
	if d.effects.mails, err = d.mailbox(ctx, env["AWS_ENDPOINT_URL_SES"]); err != nil {
		return fmt.Errorf("look for mails: %w", err)
	}
	d.effects.dead, err = deadLetters(ctx, env)
	return err
}

// missing counts the effects that acknowledged orders lack: a decision and two
// recorded mails each.
func (d *Driver) missing() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.orders {
		if _, decided := d.effects.decided[p.id]; !decided {
			n++
		}
		n += max(0, 2-d.effects.recorded[p.id])
	}
	return n
}

func (d *Driver) judgeLedger(drill bool) judge.Check {
	found := maps.Clone(d.effects.orders)
	maps.Copy(found, d.effects.strangers)
	return judge.Ledger(&d.ledger, found, "orders", drill)
}

// judgeDecisions wants a decision on each acknowledged order.
func (d *Driver) judgeDecisions() judge.Check {
	var wrong []string
	for _, p := range d.sorted() {
		if _, decided := d.effects.decided[p.id]; !decided {
			wrong = append(wrong, fmt.Sprintf("order %s was acknowledged at %s and inventory has not decided on it", p.id, clock(p.at)))
		}
	}
	if len(wrong) > 0 {
		return judge.Checkf("inventory", false, "%s", judge.Some(wrong))
	}
	return judge.Checkf("inventory", true, "inventory decided on each of %d orders", len(d.orders))
}

// judgeStock wants each confirmed order taken from the stock once, and no other.
// Orders whose answer never came are in the rows, too.
func (d *Driver) judgeStock() judge.Check {
	want := map[string]int{d.productName("scarce", 0): scarceStock}
	for i := range d.setup.Records {
		want[d.productName("plenty", int64(i))] = plentyStock
	}
	for product, n := range d.effects.taken {
		want[product] -= n
	}
	var wrong []string
	confirmed := 0
	for _, product := range slices.Sorted(maps.Keys(want)) {
		if got := d.effects.stock[product]; got != want[product] || got < 0 {
			wrong = append(wrong, fmt.Sprintf("product %s has a stock of %d, its confirmed orders leave %d", product, got, want[product]))
		}
	}
	for _, yes := range d.effects.confirmed {
		if yes {
			confirmed++
		}
	}
	if len(wrong) > 0 {
		return judge.Checkf("stock", false, "%s", judge.Some(wrong))
	}
	return judge.Checkf("stock", true, "each of %d confirmed orders was taken from the stock once, %d were out of stock, and no stock is below zero", confirmed, len(d.effects.confirmed)-confirmed)
}

// judgeMails wants the mails of each acknowledged order: received, and what
// inventory decided.
func (d *Driver) judgeMails() judge.Check {
	var wrong []string
	for customer, p := range d.byCustomer() {
		got := map[string]int{}
		for _, m := range d.effects.mails[customer] {
			got[m.kind]++
		}
		for _, kind := range []string{"received", d.outcome(p.id)} {
			if got[kind] == 0 {
				wrong = append(wrong, fmt.Sprintf("order %s was acknowledged at %s and has no mail that it is %s after %v", p.id, clock(p.at), kind, time.Since(p.at).Round(time.Second)))
			}
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return judge.Checkf("mails", false, "%s", judge.Some(wrong))
	}
	return judge.Checkf("mails", true, "SES accepted both mails of each of %d orders", len(d.orders))
}

func (d *Driver) outcome(id string) string {
	if d.effects.confirmed[id] {
		return "confirmed"
	}
	return "out-of-stock"
}

// judgeDead wants no dead letter: no load sends poison, and an outage is none.
func (d *Driver) judgeDead() judge.Check {
	return judge.Checkf("dead letters", d.effects.dead == 0, "%d healthy messages are on the dead-letter queues", d.effects.dead)
}

// lags are how long after their acknowledgement orders had both effects: the
// decision, and the mail that they were received.
type lags struct{ both, decision, mail []time.Duration }

// lags of the orders acknowledged in that time, counted from the first one.
func (d *Driver) lags(from, until time.Duration) lags {
	var l lags
	first := time.Now()
	for _, p := range d.orders {
		if p.at.Before(first) {
			first = p.at
		}
	}
	for customer, p := range d.byCustomer() {
		decided, ok := d.effects.decided[p.id]
		mailed := d.effects.received(customer)
		at := p.at.Sub(first)
		if !ok || mailed.IsZero() || at < from || at >= until {
			continue
		}
		decision, mail := max(0, decided.Sub(p.at)), max(0, mailed.Sub(p.at))
		l.decision, l.mail, l.both = append(l.decision, decision), append(l.mail, mail), append(l.both, max(decision, mail))
	}
	slices.Sort(l.decision)
	slices.Sort(l.mail)
	slices.Sort(l.both)
	return l
}

// received returns when the first mail of that kind was accepted.
func (e *effects) received(customer string) (first time.Time) {
	for _, m := range e.mails[customer] {
		if m.kind == "received" && (first.IsZero() || m.at.Before(first)) {
			first = m.at
		}
	}
	return first
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func (d *Driver) judgeEffects(l lags) judge.Check {
	p99 := quantile(l.both, 0.99)
	return judge.Checkf("effects p99", len(l.both) > 0 && p99 < effectTarget, "stock and first mail followed within %v at p99 (target %v)", p99.Round(time.Millisecond), effectTarget).Timed()
}

// byCustomer returns the acknowledged orders.
func (d *Driver) byCustomer() map[string]*placed {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.orders)
}

func (d *Driver) sorted() []*placed {
	return slices.SortedFunc(maps.Values(d.byCustomer()), func(a, b *placed) int { return a.at.Compare(b.at) })
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }
