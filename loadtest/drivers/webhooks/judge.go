package webhooks

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
)

const (
	processTarget = 5 * time.Second  // from the acknowledgement until it is applied, at p99
	stalled       = 45 * time.Second // without any progress: longer than a lease and a back-off together
	forever       = 24 * time.Hour   // longer than any run
)

// Judge waits until every acknowledged event is applied or nothing moves any
// more, and compares.
func (d *Driver) Judge(ctx context.Context, o trial.Observed) ([]judge.Check, error) {
	if err := d.settle(ctx); err != nil {
		return nil, err
	}
	checks := []judge.Check{d.judgeLedger(o.Drill), d.judgeAccounts(), d.judgeOrder(), d.judgeDead()}
	if len(o.Marks) == 0 {
		checks = append(checks, d.judgeProcessed("processed p99", d.lags(o.Main().WarmUp, forever)))
	}
	return checks, nil
}

// settle looks until everything is there, and then a while longer: what comes
// twice comes late.
func (d *Driver) settle(ctx context.Context) error {
	db, err := pgx.Connect(ctx, d.setup.Env()["DATABASE_URL"])
	if err != nil {
		return fmt.Errorf("look for effects: %w", err)
	}
	defer db.Close(ctx)
	const quiet = 3 // seconds
	wanted := d.ledger.Totals().Acknowledged
	moved, seen, calm := time.Now(), -1, 0
	for calm < quiet && time.Since(moved) < stalled {
		n, err := d.applied(ctx, db)
		if err != nil {
			return fmt.Errorf("look for effects: %w", err)
		}
		if n != seen {
			moved, seen, calm = time.Now(), n, 0
		} else if n >= wanted {
			calm++
		}
		if !sleep(ctx, time.Second) {
			return fmt.Errorf("%d of %d events are applied: %w", n, wanted, ctx.Err())
		}
	}
	if d.effects, err = d.look(ctx, db); err != nil {
		return fmt.Errorf("look for effects: %w", err)
	}
	return nil
}

// judgeLedger wants each acknowledged event in the inbox once.
func (d *Driver) judgeLedger(drill bool) judge.Check {
	found := map[string]int{}
	for what, rows := range d.effects.rows {
		found[what] = len(rows)
	}
	return judge.Ledger(&d.ledger, found, "events", drill)
}

// judgeAccounts wants each account to be what the events in its inbox make of it:
// each counted once, the state of the highest version.
func (d *Driver) judgeAccounts() judge.Check {
	want := map[string]account{}
	var wrong []string
	for what, rows := range d.effects.rows {
		s := d.sent[what]
		if s == nil {
			continue // the ledger complains
		}
		for _, r := range rows {
			if r.version != s.event.version || r.amount != s.event.added() {
				wrong = append(wrong, fmt.Sprintf("event %s was sent with version %d and %d cents, and applied with %d and %d", what, s.event.version, s.event.added(), r.version, r.amount))
			}
			want[r.account] = want[r.account].plus(s.event)
		}
	}
	for name, w := range want {
		if got := d.effects.accounts[name]; got != w {
			wrong = append(wrong, fmt.Sprintf("account %s is %+v, its events make it %+v", name, got, w))
		}
	}
	for name, got := range d.effects.accounts {
		if _, found := want[name]; !found && got.events > 0 {
			wrong = append(wrong, fmt.Sprintf("account %s has %d events, and none in the inbox", name, got.events))
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return judge.Checkf("accounts", false, "%d accounts are wrong: %s", len(wrong), judge.Some(wrong))
	}
	return judge.Checkf("accounts", true, "%d accounts have each of their events once, and the state of the highest version", len(want))
}

// plus is the account with one more event.
func (a account) plus(e event) account {
	a.events++
	a.received += e.added()
	a.version = max(a.version, e.version)
	if e.plan != "" && e.kind == "plan.changed" && e.version > a.planVersion {
		a.plan, a.planVersion = e.plan, e.version
	}
	return a
}

// judgeOrder wants the events of an account applied in their order, where the first
// one was acknowledged before the second was sent, and neither was sent twice.
func (d *Driver) judgeOrder() judge.Check {
	byAccount := map[string][]judge.Ordered{}
	for what, s := range d.sent {
		if rows := d.effects.rows[what]; len(rows) == 1 && s.attempts == 1 && !s.acked.IsZero() {
			byAccount[rows[0].account] = append(byAccount[rows[0].account], judge.Ordered{What: what, Sent: s.first, Acked: s.acked, Position: rows[0].seq})
		}
	}
	var wrong []string
	pairs := 0
	for _, name := range slices.Sorted(maps.Keys(byAccount)) {
		n, late := judge.Overtaken(byAccount[name])
		pairs += n
		wrong = append(wrong, late...)
	}
	if len(wrong) > 0 {
		return judge.Checkf("order", false, "%d events were overtaken: %s", len(wrong), judge.Some(wrong))
	}
	return judge.Checkf("order", true, "none of %d events was applied before one that had been acknowledged when it was sent", pairs)
}

// judgeDead wants no dead letter: no load sends poison, and an outage is none.
func (d *Driver) judgeDead() judge.Check {
	return judge.Checkf("dead letters", len(d.effects.dead) == 0, "%d healthy events are on the dead-letter topic%s", len(d.effects.dead), list(d.effects.dead))
}

func list(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return ": " + judge.Some(all)
}

// judgeProcessed wants the target of the processing to hold.
func (d *Driver) judgeProcessed(name string, lags []time.Duration) judge.Check {
	p99 := quantile(lags, 0.99)
	return judge.Checkf(name, len(lags) > 0 && p99 < processTarget, "%d events were applied within %v of their acknowledgement at p99 (target %v)",
		len(lags), p99.Round(time.Millisecond), processTarget).Timed()
}

// lags are how long after its acknowledgement each event was applied, of those
// acknowledged in that time, counted from the first one.
func (d *Driver) lags(from, until time.Duration) (all []time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := time.Now()
	for _, s := range d.sent {
		if s.first.Before(first) {
			first = s.first
		}
	}
	for what, s := range d.sent {
		rows := d.effects.rows[what]
		if at := s.acked.Sub(first); len(rows) > 0 && !s.acked.IsZero() && at >= from && at < until {
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
