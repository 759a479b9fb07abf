// Package report is what a load test leaves behind: one [Report], written for a
// terminal, as JSON, as a page that needs nothing but itself, and its percentiles
// in the format of HdrHistogram.
//
// The JSON is the Report as its tags say, with schema 1; schema.json describes
// each field. Rates are per second, times in milliseconds where the name ends in
// _ms and in seconds where it ends in _s, shares from 0 to 1. A field may be added
// within a schema; one that changes its meaning makes the next.
package report

import "time"

// Schema is the version of the JSON that this package writes.
const Schema = 1

// A Report is everything that is known about one run.
type Report struct {
	Schema   int    `json:"schema"`
	Scenario string `json:"scenario"`
	Title    string `json:"title,omitempty"`
	Drill    string `json:"drill,omitempty"`

	Started     time.Time `json:"started"`
	Elapsed     Seconds   `json:"elapsed_s"`
	Interrupted bool      `json:"interrupted,omitempty"` // ended before its schedules did
	Command     string    `json:"command"`               // as it was typed
	Host        Host      `json:"host"`

	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason"` // one sentence
	Checks  []Check `json:"checks"`

	Flows     []Flow     `json:"flows"`
	Marks     []Mark     `json:"marks,omitempty"`
	CPU       *CPU       `json:"cpu,omitempty"`                // of the measured window
	Reference *Reference `json:"reference,omitempty"`          // at 10,000/s, by which the machine is judged
	OwnRate   *Reference `json:"reference_own_rate,omitempty"` // at the rate of the run or the highest that is measured, to read it by
	Facts     []Fact     `json:"facts,omitempty"`

	// A question's broken system under the same load in the same run, beside the
	// one that answers it.
	Contrast []Contrast `json:"contrast,omitempty"`

	Sampled []Sampled `json:"sampled,omitempty"` // what went on inside, over the time of the run
}

// Host is the machine of the run.
type Host struct {
	Cores int    `json:"cores"`
	CPU   string `json:"cpu"`
	OS    string `json:"os"`
	Go    string `json:"go"`
}

// A Flow is one stream of requests. All but Warm and Series is of the measured
// phase.
type Flow struct {
	Name    string  `json:"name"`
	Model   string  `json:"model"` // "open loop" or "closed loop"
	Load    string  `json:"load"`  // the schedule or the closed loop, in words
	WarmUp  Seconds `json:"warm_up_s"`
	Workers int     `json:"workers"`

	TargetP99 Milliseconds `json:"target_p99_ms,omitempty"` // 0 if none is judged

	IntendedRate float64 `json:"intended_rate"` // 0 of a closed loop, which intends none
	AchievedRate float64 `json:"achieved_rate"` // as sent
	Goodput      float64 `json:"goodput"`       // successes

	Counts Counts `json:"counts"`
	Warm   Counts `json:"warm_counts"`

	LatencyOK  Percentiles `json:"latency_ok"`  // of successes, from the due time
	LatencyAll Percentiles `json:"latency_all"` // of everything that ended
	Service    Percentiles `json:"service"`     // from sending
	Lag        Percentiles `json:"lag"`         // from the due time to sending

	Series []Second `json:"series"`
}

// Counts of arrivals; completed, unanswered and unsent add up to intended.
type Counts struct {
	Intended   int64            `json:"intended"`
	Sent       int64            `json:"sent"`
	Completed  int64            `json:"completed"`
	Late       int64            `json:"late"` // no worker was idle when they were due
	Unanswered int64            `json:"unanswered"`
	Unsent     int64            `json:"unsent"`
	Kinds      map[string]int64 `json:"kinds"`
	Statuses   map[int]int64    `json:"statuses"`
}

// Errors returns how many arrivals ended neither in success nor in a documented
// refusal.
func (c Counts) Errors() int64 { return c.Intended - c.Kinds["ok"] - c.Kinds["refused"] }

// Percentiles of one duration, and its percentile curve.
type Percentiles struct {
	Count  int64        `json:"count"`
	Mean   Milliseconds `json:"mean_ms"`
	StdDev Milliseconds `json:"stddev_ms"`
	P50    Milliseconds `json:"p50_ms"`
	P90    Milliseconds `json:"p90_ms"`
	P99    Milliseconds `json:"p99_ms"`
	P999   Milliseconds `json:"p999_ms"`
	Max    Milliseconds `json:"max_ms"`
	Curve  []Point      `json:"curve,omitempty"`
}

// A Point of a percentile curve: the share Quantile took at most Value.
type Point struct {
	Quantile float64      `json:"quantile"`
	Value    Milliseconds `json:"ms"`
}

// Second is one second of a flow, or several of a run longer than an hour; the
// percentiles are of its successes, of several seconds the highest.
type Second struct {
	Second   int          `json:"second"`  // the first one, since the start, from 0
	Seconds  int          `json:"seconds"` // how many there are in it
	WarmUp   bool         `json:"warm_up,omitempty"`
	Intended int64        `json:"intended"`
	Sent     int64        `json:"sent"`
	OK       int64        `json:"ok"`
	Refused  int64        `json:"refused"`
	Errors   int64        `json:"errors"`
	P50      Milliseconds `json:"p50_ms"`
	P99      Milliseconds `json:"p99_ms"`
	Max      Milliseconds `json:"max_ms"`
	Backlog  int64        `json:"backlog"` // most arrivals due and not claimed
	Workers  int          `json:"workers"`
	Heat     *Heat        `json:"heat,omitempty"` // nil without a success
}

// Heat counts the successes of a second by their latency, in buckets of equal
// width on a logarithmic scale: bucket i ends at 0.01·10^((i+1)/8) ms, and the
// first of all starts at 0.
type Heat struct {
	First  int      `json:"first"` // bucket of the first count
	Counts []uint32 `json:"counts"`
}

// A Mark is something that happened during the run, such as the start of a fault.
type Mark struct {
	At   Seconds `json:"at_s"` // since the start of the run
	Text string  `json:"text"`
}

// CPU says who used the machine, in shares of all cores.
type CPU struct {
	Window     Seconds   `json:"window_s"`
	Busy       float64   `json:"busy"`
	Generator  float64   `json:"generator"`
	Roles      float64   `json:"roles"`
	Servers    float64   `json:"servers"`
	Others     float64   `json:"others"`
	Interrupts float64   `json:"interrupts"`
	Steal      float64   `json:"steal"`
	Processes  []Process `json:"processes"`
}

// A Process with its descendants.
type Process struct {
	Name  string  `json:"name"`
	Group string  `json:"group"`
	PID   int     `json:"pid"`
	CPU   Seconds `json:"cpu_s"`
	RSS   int64   `json:"rss_bytes"`

	RSSBefore int64 `json:"rss_before_bytes"` // when the window began; 0 if it did not run then
}

// Reference is how a bare server did on this machine in the same minute.
type Reference struct {
	Rate   float64      `json:"rate"`
	Failed int64        `json:"failed"`
	P50    Milliseconds `json:"p50_ms"`
	P99    Milliseconds `json:"p99_ms"`
	LagP99 Milliseconds `json:"lag_p99_ms"`
}

// A Contrast is a figure of the system as it was, beside that of the system as
// it is.
type Contrast struct {
	Name   string  `json:"name"`
	Before string  `json:"before"`
	After  string  `json:"after"`
	Note   string  `json:"note,omitempty"`
	Course *Course `json:"course,omitempty"` // of a figure that was sampled
}

// A Course is how a figure went in each of the two systems, from the start of its
// own load.
type Course struct {
	Before []Sample `json:"before,omitempty"`
	After  []Sample `json:"after,omitempty"`
}

// A Sample is a value and when it was taken, in order of time.
type Sample struct {
	At    Seconds `json:"at_s"`
	Value float64 `json:"value"`
}

// Sampled are figures of one run that belong on one chart. Figures of different
// magnitudes are drawn as multiples, which the legend names.
type Sampled struct {
	Name  string        `json:"name"`
	Note  string        `json:"note,omitempty"`
	Lines []SampledLine `json:"lines"`
}

// A SampledLine is one figure, from the start of the load.
type SampledLine struct {
	Label   string   `json:"label"` // with its unit
	Samples []Sample `json:"samples"`
}

// A Fact is a figure that only its scenario knows, such as a hit rate.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Note  string `json:"note,omitempty"`
}
