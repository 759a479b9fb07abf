package imageresize

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/provingground/provingground/pkg/rendition"
	"github.com/provingground/provingground/pkg/sqsconsumer"
)

const (
	// jobTime bounds the decoding and reducing of one image.
	jobTime = 45 * time.Second
	// maxTries are receives of one message that may end without a record before the
	// version is given up: only what ends its process, or takes longer than jobTime,
	// gets there. Outages and redeployments cost a few.
	maxTries = 8
)

// errPoison says that a message is none that this handler knows, and never will be.
var errPoison = errors.New("poison")

// Resizer makes the sizes of uploaded versions. Its methods are safe for
// concurrent use.
type Resizer struct {
	images  *images
	records *records
	jobs    *jobs
	metrics *metrics
}

// Handle handles one message of S3's. It is the handler of both hosts. A nil
// result means that the message is over; errPoison that it never will be. Other
// errors are marked as package sqsconsumer wants them. Receives is how often the
// message was received.
func (r *Resizer) Handle(ctx context.Context, body string, receives int) error {
	versions, err := parse(body, r.images.uploads)
	if errors.Is(err, errTest) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errPoison, err)
	}
	for _, v := range versions { // S3 sends one a message
		if err := r.resize(ctx, v, receives); err != nil {
			return err
		}
	}
	return nil
}

// resize brings one version to its end.
func (r *Resizer) resize(ctx context.Context, v Version, receives int) error {
	known, err := r.records.final(ctx, v)
	if err != nil {
		return away(ctx, err)
	}
	if known {
		r.metrics.images.WithLabelValues("repeated").Inc()
		return nil
	}
	if receives > maxTries {
		return r.finish(ctx, Record{Version: v, State: Failed, Reason: reasonGaveUp, Detail: fmt.Sprintf("%d attempts ended without a result", receives-1)})
	}
	start := time.Now()
	made, err := r.jobs.make(ctx, func(ctx context.Context) ([]byte, error) { return r.images.read(ctx, v) })
	var refused *rendition.Refusal
	switch {
	case errors.As(err, &refused):
		return r.finish(ctx, Record{Version: v, State: Failed, Reason: string(refused.Reason), Detail: refused.Detail})
	case errors.Is(err, errGone):
		return r.finish(ctx, Record{Version: v, State: Failed, Reason: reasonGone, Detail: "the version was deleted before it was resized"})
	case errors.Is(err, errPoison):
		return err // the event names what S3 never made
	case errors.Is(err, errSlow):
		// One slow attempt may be the machine's fault, or a process that stood still.
		return sqsconsumer.Later(time.Second, err)
	case err != nil:
		return away(ctx, err)
	}
	objects, err := r.store(ctx, v, made)
	if err != nil {
		return away(ctx, err)
	}
	r.metrics.jobSeconds.Observe(time.Since(start).Seconds())
	return r.finish(ctx, Record{Version: v, State: Done, Objects: objects})
}

// store writes the three objects. One that is there already was made of the same
// version in the same way, and stays.
func (r *Resizer) store(ctx context.Context, v Version, made []rendition.Rendition) ([]Object, error) {
	objects := make([]Object, len(made))
	g, ctx := errgroup.WithContext(ctx)
	for i, m := range made {
		objects[i] = Object{Name: m.Name, Key: objectKey(v, m.Name, m.ContentType), ContentType: m.ContentType, Width: m.Width, Height: m.Height, Bytes: len(m.Data)}
		g.Go(func() error { return r.images.write(ctx, v, objects[i], m.Data) })
	}
	return objects, g.Wait()
}

// finish writes the record of a version, unless it has one: whoever comes late,
// after a freeze or beside another, changes nothing.
func (r *Resizer) finish(ctx context.Context, rec Record) error {
	rec.Finished = time.Now()
	first, err := r.records.finish(ctx, rec)
	switch {
	case err != nil:
		return away(ctx, err)
	case !first:
		r.metrics.images.WithLabelValues("late").Inc()
	case rec.State == Done:
		r.metrics.images.WithLabelValues("done").Inc()
	default:
		r.metrics.images.WithLabelValues("failed").Inc()
	}
	return nil
}

// away marks an error of S3 or DynamoDB, which says nothing about the image. The
// end of the handler's own context is none of theirs.
func away(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return sqsconsumer.Unavailable(err)
}
