package servicebusdlq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// Drill implements [trial.Driver].
func (d *Driver) Drill(drill scenarios.Drill) (*trial.Drill, error) {
	begin := d.setup.FaultBegins()
	end := begin + drill.Lasts
	switch drill.Name {
	case "lock-lost":
		return d.lockLost(begin, end), nil
	case "ordered":
		return d.ordered(begin, end), nil
	case "burst":
		return d.burst(begin, end), nil
	case "resubmit-twice":
		return d.resubmitTwice(begin, end), nil
	}
	return nil, fmt.Errorf("unknown drill %q", drill.Name)
}

// all does something with each process of a role.
func (d *Driver) all(role string, do func(*stack.Instance) error) error {
	var errs []error
	for _, in := range d.setup.Stack.Instances {
		if in.Role == role {
			errs = append(errs, do(in))
		}
	}
	return errors.Join(errs...)
}

// lockLost stops all processors while messages are on their way to them: what they
// have asked for is locked for them meanwhile, and nobody else can have it. When they
// wake up they hold what is not theirs any more.
func (d *Driver) lockLost(begin, end time.Duration) *trial.Drill {
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: "both processors stand still, with what is sent to them", Do: func(context.Context) error { return d.all("processor", (*stack.Instance).Pause) }},
			{At: end, Name: "they wake up, and complete what is not theirs any more", Do: func(context.Context) error { return d.all("processor", (*stack.Instance).Resume) }},
		},
		Judge: func(o trial.Observed) []judge.Check {
			lost := o.End[`servicebusdlq_messages_total{outcome="lost"}`] - o.Before[`servicebusdlq_messages_total{outcome="lost"}`]
			return []judge.Check{judge.Checkf("lost", lost > 0, "%.0f messages were handled or completed after their locks were lost", lost), judge.NoErrors(o.Main()), o.Recovered()}
		},
	}
}

// ordered poisons half of what goes through the queue with sessions, mends it and
// sends it back.
func (d *Driver) ordered(begin, end time.Duration) *trial.Drill {
	selection := fmt.Sprintf(`{"queue":"servicebusdlq-ordered","shape":%q}`, unpricedShape)
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: "half of the queue with sessions is poison", Do: func(context.Context) error { d.orderedPoison.Store(true); return nil }},
			{At: begin + (end-begin)/2, Name: "no more poison is sent", Do: func(context.Context) error { d.noPoison.Store(true); return nil }},
			{At: end, Name: "the currency has a rate, and its letters go back", Do: func(ctx context.Context) error {
				return errors.Join(d.mend(ctx), d.resubmit(ctx, "ordered", selection))
			}},
		},
		Judge: func(o trial.Observed) []judge.Check {
			return []judge.Check{d.judgeOnce(0), d.judgeSessions(), judge.NoErrors(o.Main())}
		},
	}
}

func (d *Driver) burst(begin, end time.Duration) *trial.Drill {
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: "every payment is poison", Do: func(context.Context) error { d.allPoison.Store(true); return nil }},
			{At: end, Name: "one of a hundred is", Do: func(context.Context) error { d.allPoison.Store(false); return nil }},
		},
		Judge: func(o trial.Observed) []judge.Check {
			_, end := o.Fault()
			return []judge.Check{judge.NoErrors(o.Main()), d.judgeLag("behind the burst", d.lags(end, end+o.Recovery))}
		},
	}
}

// resubmitTwice sends letters back to the broken processor, mends it, and asks twice
// for each resubmission, and once more under another name.
func (d *Driver) resubmitTwice(begin, end time.Duration) *trial.Drill {
	selection := fmt.Sprintf(`{"queue":"servicebusdlq-payments","reason":"keeps-failing","shape":%q}`, unpricedShape)
	late := begin + (end-begin)*2/3 // what was sent until then has died
	return &trial.Drill{
		Steps: []faults.Step{
			// A short run at a low rate would have too few letters to stop at the first.
			{At: begin, Name: "every payment is poison", Do: func(context.Context) error { d.allPoison.Store(true); return nil }},
			{At: begin + d.arrivals(6*int(kinds-1)), Name: "no more poison is sent", Do: func(context.Context) error { d.noPoison.Store(true); return nil }},
			{At: late, Name: "the letters go to a processor that is still broken", Do: func(ctx context.Context) error {
				// One letter would show no canary; on a busy machine they come late.
				if err := d.awaitUnpriced(ctx, 2); err != nil {
					return err
				}
				return d.resubmit(ctx, "broken", selection)
			}},
			{At: late, Name: "the currency has a rate", Do: d.mend},
			{At: late, Name: "the letters go back", Do: func(ctx context.Context) error { return d.resubmit(ctx, "mended", selection) }},
		},
		Judge: func(o trial.Observed) []judge.Check {
			return []judge.Check{d.judgeCanary(), d.judgeOnce(2), judge.NoErrors(o.Main())}
		},
	}
}

// arrivals returns how long n payments take.
func (d *Driver) arrivals(n int) time.Duration {
	return time.Duration(float64(n) / d.setup.Rate * float64(time.Second))
}

// judgeCanary wants the resubmission into the broken processor to have cost one
// letter a failure.
func (d *Driver) judgeCanary() judge.Check {
	if len(d.resubmissions) == 0 {
		return judge.Checkf("canary", false, "no resubmission ended")
	}
	b := d.resubmissions[0]
	return judge.Checkf("canary", b.State == "stopped" && b.Letters > 1 && b.Died == 1 && b.Booked == 0,
		"of %d letters the resubmission sent %d to the broken processor and %s", b.Letters, b.Died+b.Booked, b.State)
}

// judgeOnce wants all letters of the resubmission at that place, which was asked for
// twice and once more under another name, booked once. Which of the two names took a
// letter first does not matter.
func (d *Driver) judgeOnce(at int) judge.Check {
	if len(d.resubmissions) < at+2 {
		return judge.Checkf("resubmitted once", false, "%d resubmissions ended", len(d.resubmissions))
	}
	r, again := d.resubmissions[at], d.resubmissions[at+1]
	wrong := 0
	for id, s := range d.acked() {
		if letters := d.effects.letters[id]; s.payment.kind == unpriced && len(letters) > 0 && letters[0].State == "booked" && len(d.effects.charges[id]) != 1 {
			wrong++
		}
	}
	return judge.Checkf("resubmitted once", r.Letters > 0 && r.Booked+again.Booked == r.Letters && r.Died+again.Died+wrong == 0,
		"asked for twice under one name and once under another, of %d letters %d were booked under the first and %d under the other; %d of the booked are not charged once", r.Letters, r.Booked, again.Booked, wrong)
}

// judgeSessions wants the letters of the queue with sessions to have kept theirs.
func (d *Driver) judgeSessions() judge.Check {
	n, wrong := 0, 0
	acked := d.acked()
	for id, letters := range d.effects.letters {
		for _, l := range letters {
			s, ok := acked[id]
			if !ok || l.Queue != "servicebusdlq-ordered" {
				continue
			}
			n++
			if l.Session != s.payment.account {
				wrong++
			}
		}
	}
	return judge.Checkf("sessions", n > 0 && wrong == 0, "%d letters come from the queue with sessions, %d of them without their account's", n, wrong)
}
