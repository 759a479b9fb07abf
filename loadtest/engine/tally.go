package engine

import "time"

const maxStatus = 1000

// counts of one phase.
type counts struct {
	intended, sent, completed, late, unanswered int64
	kinds                                       [kinds]int64
	statuses                                    [maxStatus]int64
}

// tally adds up the samples of one flow. It belongs to the collector.
type tally struct {
	closed         bool // the model: an arrival is intended when it is sent
	warmUp         time.Duration
	warm, measured counts

	ok, all, service, lag Histogram

	// Of the measured phase.
	first, last, lastSent, lastDone time.Duration

	seconds seconds
	series  series
	workers int
}

func newTally(f Flow) *tally {
	return &tally{
		closed: f.Closed != nil, warmUp: f.WarmUp,
		ok: newHistogram(), all: newHistogram(), service: newHistogram(), lag: newHistogram(),
	}
}

func (t *tally) phase(due time.Duration) *counts {
	if due < t.warmUp {
		return &t.warm
	}
	return &t.measured
}

// sameUntil returns the last instant of the second and phase that t is in.
func (t *tally) sameUntil(at time.Duration) time.Duration {
	end := at - at%time.Second + time.Second
	if at < t.warmUp {
		end = min(end, t.warmUp)
	}
	return end - 1
}

// intended counts n arrivals that are due from first to last, all within one
// second and one phase.
func (t *tally) intended(first, last time.Duration, n int64) {
	c := t.phase(first)
	t.seconds.at(first).Intended += n
	if c == &t.measured {
		if c.intended == 0 {
			t.first = first
		}
		t.first, t.last = min(t.first, first), max(t.last, last)
	}
	c.intended += n
}

// sent counts a request as sent; its answer may follow much later.
func (t *tally) sent(s *sample) {
	c := t.phase(s.due)
	if t.closed {
		t.intended(s.due, s.due, 1)
	}
	c.sent++
	if s.late {
		c.late++
	}
	t.seconds.sent(s)
	if c == &t.measured {
		t.lag.record(s.sent - s.due)
		t.lastSent = max(t.lastSent, s.sent)
	}
}

// add counts a request that ended. After expired, which is 0 as long as answers
// are waited for, it is unanswered whatever its sender says.
func (t *tally) add(s *sample, expired time.Duration) {
	if !s.counted {
		t.sent(s)
	}
	c := t.phase(s.due)
	if expired > 0 && s.done >= expired {
		c.unanswered++
		t.seconds.at(s.done).Errors++
		return
	}
	c.completed++
	c.kinds[min(s.kind, kinds-1)]++
	if 0 < s.status && s.status < maxStatus {
		c.statuses[s.status]++
	}
	t.seconds.add(s)
	if c == &t.measured {
		t.measure(s)
	}
}

func (t *tally) measure(s *sample) {
	t.lastDone = max(t.lastDone, s.done)
	t.service.record(s.done - s.sent)
	t.all.record(s.done - s.due)
	if s.kind == OK {
		t.ok.record(s.done - s.due)
	}
}

func (t *tally) state(backlog int64, workers int) {
	t.workers = workers
	t.seconds.state(backlog, workers)
}

func (t *tally) closeSecond() Second {
	s := t.seconds.close()
	s.WarmUp = time.Duration(s.Second)*time.Second < t.warmUp
	t.series.add(s)
	return s
}

func (t *tally) result(f Flow) FlowResult {
	return FlowResult{
		Name: f.Name, WarmUp: f.WarmUp, Workers: t.workers, Model: f.model(), Load: f.load(),
		Warm: t.warm.export(), Measured: t.measured.export(),
		LatencyOK: &t.ok, LatencyAll: &t.all, Service: &t.service, Lag: &t.lag,
		IntendedRate: t.intendedRate(f),
		AchievedRate: perSecond(t.measured.sent-1, max(t.lastSent, t.last)-t.first),
		Goodput:      t.goodput(),
		Series:       t.series.entries,
	}
}

func (t *tally) intendedRate(f Flow) float64 {
	if f.Closed != nil {
		return 0
	}
	return perSecond(t.measured.intended-1, t.last-t.first)
}

// goodput spreads the successes over the planned time, and over the time they
// took if that was longer.
func (t *tally) goodput() float64 {
	window := max(t.lastDone, t.last) - t.first
	return perSecond(t.measured.kinds[OK]-1, window)
}

func perSecond(intervals int64, d time.Duration) float64 {
	if intervals <= 0 || d <= 0 {
		return 0
	}
	return float64(intervals) / d.Seconds()
}

func (c *counts) export() Counts {
	out := Counts{
		Intended: c.intended, Sent: c.sent, Completed: c.completed, Late: c.late,
		Unanswered: c.unanswered, Unsent: c.intended - c.sent,
		Kinds: map[Kind]int64{}, Statuses: map[int]int64{},
	}
	for k, n := range c.kinds {
		if n > 0 {
			out.Kinds[Kind(k)] = n
		}
	}
	for status, n := range c.statuses {
		if n > 0 {
			out.Statuses[status] = n
		}
	}
	return out
}
