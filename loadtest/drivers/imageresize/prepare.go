package imageresize

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/provingground/provingground/loadtest/engine"
)

const (
	bulkParallel = 8
	bulkFirst    = 1 << 40 // arrivals of the load are below
)

// Prepare makes the pictures. The queue that a load begins with is made by fill,
// as the load begins: earlier it would be worked off before, and would disturb the
// measuring of the machine. A drill begins with none: its recovery counts what the
// fault made wait, and a slow machine would not have worked off the rest by then.
func (d *Driver) Prepare(_ context.Context, progress func(done, of int)) (err error) {
	if d.pictures, err = newPictures(); err != nil {
		return err
	}
	progress(d.queued(), d.queued())
	return nil
}

// queued is how many pictures the run begins with.
func (d *Driver) queued() int {
	if d.setup.Drill != "" {
		return 0
	}
	return d.setup.Records
}

// fill uploads the pictures that the run begins with once the load begins.
func (d *Driver) fill(ctx context.Context) error {
	select {
	case <-d.started:
	case <-ctx.Done():
		return nil // it never began
	}
	return d.bulk(ctx, bulkFirst, d.queued())
}

// bulk uploads n ordinary pictures, as fast as S3 takes them.
func (d *Driver) bulk(ctx context.Context, first int64, n int) error {
	todo := make(chan int64)
	errs := make([]error, bulkParallel)
	var sending sync.WaitGroup
	for i := range bulkParallel {
		u := &uploader{d.newClients()}
		sending.Go(func() {
			for k := range todo {
				if errs[i] == nil {
					errs[i] = u.bulk(ctx, k)
				}
			}
			errs[i] = errors.Join(errs[i], u.Close())
		})
	}
	for k := range int64(n) {
		todo <- first + k
	}
	close(todo)
	sending.Wait()
	return errors.Join(errs...)
}

func (u *uploader) bulk(ctx context.Context, k int64) error {
	i := int(k % tints)
	p := picture{kind: ordinary, name: name(k), data: commented(u.d.pictures.ordinary[i], fmt.Sprintf("%s-%d", u.d.run, k)), tint: i, w: ordinaryW, h: ordinaryH}
	permit, outcome := u.permit(ctx, k, p)
	for outcome.Kind == engine.Refused && sleep(ctx, pause) { // an overload's limit is low
		permit, outcome = u.permit(ctx, k, p)
	}
	if outcome.Kind == engine.OK {
		outcome = u.send(ctx, permit, p, u.d.put)
	}
	if outcome.Kind != engine.OK {
		return fmt.Errorf("upload picture %d: %s, status %d", k, outcome.Kind, outcome.Status)
	}
	u.d.mu.Lock()
	defer u.d.mu.Unlock()
	etag := p.etag()
	up := u.d.sent[etag]
	up.bulk = true
	u.d.sent[etag] = up
	return nil
}
