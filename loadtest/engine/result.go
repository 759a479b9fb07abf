package engine

import "time"

// A Result is what a run measured.
type Result struct {
	Start       time.Time
	Elapsed     time.Duration // until the last worker was done
	Interrupted bool          // the context ended before the schedules did
	Flows       []FlowResult
}

// A FlowResult is what a run measured of one flow. Rates, histograms and
// Measured are of the measured phase: arrivals due after the warm-up.
type FlowResult struct {
	Name    string
	Model   Model
	Load    string // the schedule or the closed loop, in words
	WarmUp  time.Duration
	Workers int // at the end, which is the most there were

	Warm, Measured Counts

	// In arrivals per second: as the schedule wanted it, as it was sent, and as
	// it was answered with success. A closed loop wants none: IntendedRate is 0.
	IntendedRate, AchievedRate, Goodput float64

	// Latency counts from the due time to the end of the answer: of successes
	// alone, and of everything that ended, timeouts too. They are apart so that
	// a fast refusal does not flatter the first.
	LatencyOK, LatencyAll *Histogram
	Service               *Histogram // from sending to the end of the answer, of everything that ended
	Lag                   *Histogram // from the due time to sending

	// From the start, warm-up included; the last may be cut short. There are at
	// most 3,600: those of a longer run hold several seconds each.
	Series []Second
}

// A Model says what decides when a request is sent.
type Model string

// The models.
const (
	Open   Model = "open loop"   // a schedule
	Closed Model = "closed loop" // the answers of a fixed number of users
)

// Counts of one phase. Every intended arrival is in exactly one of Completed,
// Unanswered and Unsent. In a closed loop only what was sent was intended.
type Counts struct {
	Intended   int64
	Sent       int64
	Completed  int64
	Late       int64 // claimed more than 1 ms after it was due, since no worker was idle
	Unanswered int64 // sent, and still without an outcome when the run settled
	Unsent     int64 // due, and never sent since the run was over
	Kinds      map[Kind]int64
	Statuses   map[int]int64 // of HTTP answers
}

// Failed returns how many intended arrivals ended neither in success nor in a
// documented refusal.
func (c Counts) Failed() int64 { return c.Intended - c.Kinds[OK] - c.Kinds[Refused] }

// Progress is one second of a run, as it ends.
type Progress struct {
	Second  int           // since the start, from 0
	Elapsed time.Duration // at its end
	Flows   []FlowProgress
}

// FlowProgress is a flow's part in a [Progress].
type FlowProgress struct {
	Name string
	Second
}

func (r *run) result() *Result {
	res := &Result{Start: r.start, Elapsed: r.now(), Interrupted: r.interrupted}
	for _, f := range r.flows {
		res.Flows = append(res.Flows, f.tally.result(f.Flow))
	}
	return res
}
