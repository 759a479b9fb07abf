// Package faults lets things go wrong on a timeline, beside a load.
//
// A Step is something with a name at a time. What it does, to a process or to the
// wire, is up to its function, so that this package holds the clock and the
// record and nothing else: stack.Instance kills, stops and restarts roles,
// server.Running does so with servers, and detour.Detour breaks what is between them.
package faults

import (
	"context"
	"fmt"
	"time"
)

// A Step is something that happens at a time after the start of the load.
type Step struct {
	At   time.Duration
	Name string // in words, as the report shows it
	Do   func(context.Context) error
}

// A Mark is a step as it happened: Begin and End since the start of the load.
type Mark struct {
	Name       string
	Begin, End time.Duration
}

// Run takes the steps in their order, each at its time or as soon as the one
// before is done, and returns what was done. It ends at the first step that
// fails, or when ctx ends.
func Run(ctx context.Context, start time.Time, steps []Step) ([]Mark, error) {
	marks := make([]Mark, 0, len(steps))
	for _, step := range steps {
		select {
		case <-ctx.Done():
			return marks, ctx.Err()
		case <-time.After(time.Until(start.Add(step.At))):
		}
		mark := Mark{Name: step.Name, Begin: time.Since(start)}
		if err := step.Do(ctx); err != nil {
			return marks, fmt.Errorf("fault %q: %w", step.Name, err)
		}
		mark.End = time.Since(start)
		marks = append(marks, mark)
	}
	return marks, nil
}
