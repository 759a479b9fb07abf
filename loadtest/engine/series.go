package engine

// maxSeries bounds what is kept of a run over time: an hour by the second.
const maxSeries = 3600

// series keeps the seconds of a run. When it is full, neighbours are merged and
// from then on each entry holds twice as many seconds.
type series struct {
	width   int // seconds in an entry
	entries []Second
}

func (s *series) add(x Second) {
	s.width = max(s.width, 1)
	if n := len(s.entries); n > 0 && s.entries[n-1].Seconds < s.width {
		s.entries[n-1].merge(&x)
		return
	}
	if len(s.entries) == maxSeries {
		s.halve()
	}
	s.entries = append(s.entries, x)
}

func (s *series) halve() {
	half := len(s.entries) / 2
	for i := range half {
		s.entries[i] = s.entries[2*i]
		s.entries[i].merge(&s.entries[2*i+1])
	}
	s.entries = s.entries[:half]
	s.width *= 2
}

// merge adds the second that follows. Of percentiles it keeps the higher one: a
// bad second stays to be seen.
func (s *Second) merge(next *Second) {
	s.Seconds += next.Seconds
	s.Intended += next.Intended
	s.Sent += next.Sent
	s.OK += next.OK
	s.Refused += next.Refused
	s.Errors += next.Errors
	s.P50, s.P99, s.Max = max(s.P50, next.P50), max(s.P99, next.P99), max(s.Max, next.Max)
	s.LagP99 = max(s.LagP99, next.LagP99)
	s.Backlog, s.Workers = max(s.Backlog, next.Backlog), max(s.Workers, next.Workers)
	s.Heat.add(&next.Heat)
}
