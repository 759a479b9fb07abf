package imageresize

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/semaphore"

	"github.com/provingground/provingground/pkg/rendition"
)

// errSlow says that an image took longer than jobTime.
var errSlow = errors.New("resizing takes too long")

// jobs bounds what is resized at once in this process: a few images, and the
// memory that they take together. The rest waits, without having been read.
type jobs struct {
	slots  *semaphore.Weighted
	memory *semaphore.Weighted
	limits rendition.Limits
}

func newJobs(slots int64, l rendition.Limits, memory int64) *jobs {
	l.Memory = memory
	return &jobs{slots: semaphore.NewWeighted(slots), memory: semaphore.NewWeighted(memory), limits: l}
}

// make reads an image and makes its sizes when it is its turn. An error is a
// *rendition.Refusal, errSlow, or that of read or ctx.
func (j *jobs) make(ctx context.Context, read func(context.Context) ([]byte, error)) ([]rendition.Rendition, error) {
	if err := j.slots.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer j.slots.Release(1)
	data, err := read(ctx)
	if err != nil {
		return nil, err
	}
	info, err := rendition.Inspect(data, j.limits)
	if err != nil {
		return nil, err
	}
	if err := j.memory.Acquire(ctx, info.Memory); err != nil {
		return nil, err
	}
	defer j.memory.Release(info.Memory)
	timed, cancel := context.WithTimeoutCause(ctx, jobTime, fmt.Errorf("%w: more than %v", errSlow, jobTime))
	defer cancel()
	return rendition.Make(timed, data, j.limits, sizes()...)
}
