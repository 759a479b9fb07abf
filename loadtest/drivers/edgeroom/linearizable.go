package edgeroom

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/provingground/provingground/loadtest/judge"
)

// undecided is how long the check may think about one part of the history. A part
// that it cannot decide in that time fails.
const undecided = 20 * time.Second

// operation is what a client asked of the counter and was told.
type operation struct {
	key              string // of an increment
	adds             bool   // one; else it reads
	value            int64  // that it made, or read
	known            bool   // there was an answer
	called, answered time.Duration

	earliest, latest time.Duration // that it can have happened; see tighten
}

// history is what all clients saw.
type history struct {
	mu  sync.Mutex
	all []operation
}

func (h *history) add(o operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, o)
}

func (h *history) list() []operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.all)
}

// tighten sorts a history by when each operation can have happened, at the earliest.
// An answer says after how many increments it was made: so nothing with a larger value
// happened before what has a smaller one was called, and nothing with a smaller one
// after what has a larger one was answered. That forbids no order that was possible, but
// of reads of one value, which can change places. It spares porcupine finding it out by
// trying, which takes exponential time where many are under way at once.
func tighten(all []operation) []operation {
	slices.SortFunc(all, func(a, b operation) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.called, b.called))
	})
	began := time.Duration(0)
	for i := range all {
		all[i].earliest, all[i].latest = all[i].called, all[i].answered
		if all[i].known {
			began = max(began, all[i].called)
			all[i].earliest = began
		}
	}
	ended := forever
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].known {
			ended = min(ended, all[i].answered)
			all[i].latest = ended
		}
	}
	slices.SortStableFunc(all, func(a, b operation) int { return cmp.Compare(a.earliest, b.earliest) })
	return all
}

// rank orders answers: by value, and the increment that made one before its reads.
// What has no answer comes last.
func (o operation) rank() int64 {
	switch {
	case !o.known:
		return math.MaxInt64
	case o.adds:
		return 2 * o.value
	}
	return 2*o.value + 1
}

// parts cuts a tightened history at its quiet points, where nothing was under way. What
// comes after such a point happened after everything before it, so the parts can be
// judged one after the other, each from the value that the one before ends with.
func parts(all []operation) [][]operation {
	var (
		cut   [][]operation
		quiet time.Duration // when all so far had happened
	)
	for _, o := range all {
		if len(cut) == 0 || o.earliest > quiet {
			cut = append(cut, nil)
		}
		last := len(cut) - 1
		cut[last] = append(cut[last], o)
		quiet = max(quiet, o.latest)
	}
	return cut
}

// counterFrom is a counter as it should be: each increment makes the next value.
// What an increment without an answer made, nobody knows.
func counterFrom(begin int64) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return begin },
		Step: func(state, input, _ any) (bool, any) {
			value, _ := state.(int64)
			o, _ := input.(operation)
			if !o.adds {
				return o.value == value, value
			}
			return !o.known || o.value == value+1, value + 1
		},
	}
}

// check judges one part. Of what happened at one time calls come first, which leaves
// more orders possible, in the order of their values, which is then tried first.
func check(begin int64, part []operation) porcupine.CheckResult {
	var events []porcupine.Event
	at := func(e porcupine.Event) time.Duration {
		if e.Kind == porcupine.CallEvent {
			return part[e.Id].earliest
		}
		return part[e.Id].latest
	}
	for i, o := range part {
		if o.earliest > o.latest {
			return porcupine.Illegal // its answer contradicts another one
		}
		events = append(events, porcupine.Event{Kind: porcupine.CallEvent, Value: o, Id: i})
	}
	for i := range part {
		events = append(events, porcupine.Event{Kind: porcupine.ReturnEvent, Id: i})
	}
	slices.SortStableFunc(events, func(a, b porcupine.Event) int { return cmp.Compare(at(a), at(b)) })
	return porcupine.CheckEventsTimeout(counterFrom(begin), events, undecided)
}

// judgeHistory wants the history to be as if one request had come after the other,
// each between its sending and its answer.
func judgeHistory(all []operation) judge.Check {
	begin := int64(0)
	cut := parts(tighten(all))
	for i, part := range cut {
		switch check(begin, part) {
		case porcupine.Illegal:
			return judge.Checkf("linearizable", false, "part %d of %d of the counter's history, from the value %d on, could not have happened one request after the other: %s", i+1, len(cut), begin, describe(part))
		case porcupine.Unknown:
			return judge.Checkf("linearizable", false, "part %d of %d of the counter's history, with %d requests, could not be decided within %v", i+1, len(cut), len(part), undecided)
		}
		begin += added(part)
	}
	return judge.Checkf("linearizable", len(all) > 0, "%d requests to the counter, in %d parts between quiet points, are as if one had come after the other", len(all), len(cut))
}

// added is by how much the counter moved. A part with an increment that has no answer
// is the last one.
func added(part []operation) (n int64) {
	for _, o := range part {
		if o.adds {
			n++
		}
	}
	return n
}

func describe(part []operation) string {
	var some []string
	for _, o := range part {
		kind := "read"
		if o.adds {
			kind = "made"
		}
		some = append(some, fmt.Sprintf("%s %d between %v and %v", kind, o.value, o.called.Round(time.Microsecond), o.answered.Round(time.Microsecond)))
	}
	return judge.Some(some)
}
