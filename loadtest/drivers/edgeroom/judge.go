package edgeroom

import (
	"context"
	"slices"
	"time"

	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
)

const (
	repeats       = 200 // increments that are asked for again
	deliveredSoon = 100 * time.Millisecond
)

// Judge implements [trial.Driver].
func (d *Driver) Judge(ctx context.Context, o trial.Observed) ([]judge.Check, error) {
	repeated := d.repeat(ctx, repeats)
	value, err := d.finalValue(ctx)
	if err != nil {
		return nil, err
	}
	kept, err := d.kept(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, t := range kept {
		ids = append(ids, t.ID)
	}
	if err := d.settled(ctx, int64(len(ids))); err != nil {
		return d.judgeAnswers(), err // which may say why
	}
	checks := []judge.Check{
		judgeHistory(d.history.list()),
		d.judgeCount(value, repeated, o.Drill),
		judge.Ledger(&d.messages, effects(ids), "messages", o.Drill),
		d.judgeMembers(ids),
		d.judgeOrder(kept),
		d.judgeSettings(ctx),
	}
	if d.setup.Drill == "outage" {
		checks = append(checks, d.judgeAway())
		for _, f := range o.Flows {
			checks = append(checks, judge.NoErrors(f))
		}
	}
	checks = append(checks, d.judgeAnswers()...)
	if !o.Drill {
		p99 := d.delivered.at(99)
		checks = append(checks, judge.Checkf("deliveries", p99 < deliveredSoon, "%d messages arrived, %v after they were sent at p99 (target %v)", d.delivered.count(), p99, deliveredSoon).Timed())
	}
	return checks, nil
}

// judgeAnswers fails where an answer was wrong, and is nothing where none was.
func (d *Driver) judgeAnswers() []judge.Check {
	wrong := d.wrong.list()
	if len(wrong) == 0 {
		return nil
	}
	return []judge.Check{judge.Checkf("answers", false, "%s", judge.Some(wrong))}
}

func (d *Driver) finalValue(ctx context.Context) (int64, error) {
	c := d.newClients()
	defer c.Close()
	value, _, err := c.read(ctx, 0)
	return value, err
}

// judgeCount wants the counter to have counted what was acknowledged, and of what is
// unknown no more than there is.
func (d *Driver) judgeCount(value int64, repeated int, drill bool) judge.Check {
	t := d.increments.Totals()
	least, most := int64(t.Acknowledged), int64(t.Acknowledged+t.Unknown)
	if value < least || value > most {
		return judge.Checkf("count", false, "the counter says %d, and %d increments were acknowledged, %d are unknown", value, t.Acknowledged, t.Unknown)
	}
	if !drill && t.UnknownShare() > judge.MaxUnknown {
		return judge.Checkf("count", false, "%d increments stayed unknown", t.Unknown).Timed()
	}
	return judge.Checkf("count", repeated > 0, "the counter says %d after %d acknowledged increments and %d unknown ones; %d were repeated and got their first answer", value, t.Acknowledged, t.Unknown, repeated)
}

// effects counts each message in the history.
func effects(ids []string) map[string]int {
	all := map[string]int{}
	for _, id := range ids {
		all["message "+id]++
	}
	return all
}

// judgeMembers wants each member to have the history as the room has it.
func (d *Driver) judgeMembers(ids []string) judge.Check {
	var joined, twice, slow int64
	for _, m := range d.members {
		m.mu.Lock()
		same := slices.Equal(m.ids[:min(len(ids), len(m.ids))], ids)
		m.mu.Unlock()
		if !same {
			return judge.Checkf("members", false, "%s has other messages than the room's history", m.id)
		}
		joined, twice, slow = joined+m.joined.Load(), twice+m.twice.Load(), slow+m.slow.Load()
	}
	return judge.Checkf("members", len(ids) > 0, "each of %d members has all %d messages in sequence and once; they joined %d times, were closed as too slow %d times, and dropped %d messages that they had",
		len(d.members), len(ids), joined, slow, twice)
}
