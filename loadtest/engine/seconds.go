package engine

import "time"

// Second is one second of a flow, or several of a run longer than an hour.
// Arrivals count in the second they were due, requests in which they were sent,
// answers in which they came.
type Second struct {
	Second              int  // the first one, since the start, from 0
	Seconds             int  // how many there are in it: 1, in a long run 2, 4, 8 …
	WarmUp              bool // of the first one
	Intended, Sent      int64
	OK, Refused, Errors int64
	P50, P99, Max       time.Duration // of the successes, from the due time; of several seconds the highest
	LagP99              time.Duration // of sending; of several seconds the highest
	Backlog             int64         // the most arrivals that were due and not claimed
	Workers             int           // the most there were
	Heat                Heat          // of the successes, from the due time
}

// seconds holds the seconds that are not closed yet: usually one, more when the
// collector was held up. Their histograms are used again.
type seconds struct {
	first int
	open  []*second
	free  []*second
}

type second struct {
	Second
	latency, lag Histogram
}

// at returns the second that contains t, or the oldest open one for what comes
// too late.
func (s *seconds) at(t time.Duration) *second {
	i := max(0, int(t/time.Second)-s.first)
	for len(s.open) <= i {
		s.open = append(s.open, s.fresh(s.first+len(s.open)))
	}
	return s.open[i]
}

func (s *seconds) fresh(n int) *second {
	if len(s.free) == 0 {
		return &second{Second: Second{Second: n, Seconds: 1}, latency: newHistogram(), lag: newHistogram()}
	}
	last := len(s.free) - 1
	sec := s.free[last]
	s.free = s.free[:last]
	sec.Second = Second{Second: n, Seconds: 1}
	sec.latency.reset()
	sec.lag.reset()
	return sec
}

func (s *seconds) sent(x *sample) {
	sec := s.at(x.sent)
	sec.Sent++
	sec.lag.record(x.sent - x.due)
}

func (s *seconds) add(x *sample) {
	sec := s.at(x.done)
	switch x.kind {
	case OK:
		sec.OK++
		sec.latency.record(x.done - x.due)
		sec.Heat.record(x.done - x.due)
	case Refused:
		sec.Refused++
	default:
		sec.Errors++
	}
}

func (s *seconds) state(backlog int64, workers int) {
	sec := s.at(time.Duration(s.first) * time.Second)
	sec.Backlog = max(sec.Backlog, backlog)
	sec.Workers = workers
}

func (s *seconds) close() Second {
	sec := s.at(time.Duration(s.first) * time.Second)
	sec.P50, sec.P99, sec.Max = sec.latency.Quantile(0.5), sec.latency.Quantile(0.99), sec.latency.Max()
	sec.LagP99 = sec.lag.Quantile(0.99)
	s.open = append(s.open[:0], s.open[1:]...)
	s.first++
	s.free = append(s.free, sec)
	return sec.Second
}
