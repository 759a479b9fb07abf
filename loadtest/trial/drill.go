package trial

import (
	"context"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/scenarios"
)

// settled is how long after the warm-up a drill's fault begins: caches and pools
// have settled by then.
const settled = 20 * time.Second

// FaultBegins returns when a drill's fault begins, since the start of the load. A
// run that is too short to settle has its fault before the half of the time.
func (s Setup) FaultBegins() time.Duration { return s.WarmUp + min(settled, s.Duration*9/20) }

// DrillTime returns how long a drill is measured: what settles, the fault, the
// recovery, and a while after it.
func DrillTime(d scenarios.Drill) time.Duration {
	return settled + d.Lasts + d.Recovery + 25*time.Second
}

// Shorten fits a drill's fault into a run that is shorter than it should be: it
// shows that the drill works, and less of what it is there to show.
func Shorten(d scenarios.Drill, duration time.Duration) scenarios.Drill {
	if duration < DrillTime(d) {
		d.Lasts = min(d.Lasts, duration*2/5)
	}
	return d
}

// A Drill is what a drill does and how it is judged, besides the guarantee,
// which is judged in every run.
type Drill struct {
	Cold   bool                            // no warm-up: cold caches are the point
	Before func(ctx context.Context) error // done after the preparation, before the load; may be nil
	Steps  []faults.Step                   // beside the load
	Kills  int                             // processes of roles killed without notice
	Judge  func(o Observed) []judge.Check
}

// Observed is what a run is judged by.
type Observed struct {
	Flows     []engine.FlowResult // in the order of Driver.Flows
	Marks     []faults.Mark       // what the drill did
	Before    Metrics             // at the start of the fault, or else of the measured phase
	After     Metrics             // at its end
	End       Metrics             // when the load was over
	Drill     bool                // something was broken on purpose
	Kills     int                 // processes killed without notice
	TargetP99 time.Duration
	Recovery  time.Duration // the longest that the catalogue allows
}

// Main is the flow that the target speaks of.
func (o Observed) Main() engine.FlowResult { return o.Flows[0] }

// Fault returns when the drill's first step began and its last one ended.
func (o Observed) Fault() (begin, end time.Duration) {
	if len(o.Marks) == 0 {
		return 0, 0
	}
	return o.Marks[0].Begin, o.Marks[len(o.Marks)-1].End
}

// Recovered checks how long after the end of the fault the target held again.
func (o Observed) Recovered() judge.Check {
	_, end := o.Fault()
	took := judge.Recovered(o.Main(), end, o.TargetP99)
	limit := max(o.Recovery, 2*time.Second) // seconds are whole
	return judge.Checkf("recovery", took <= limit, "the target held again %v after the fault (target %v)",
		took.Round(100*time.Millisecond), limit).Timed()
}
