package imageresize

import (
	"context"
	"fmt"
	"time"
)

// effects are what became of the uploads, where it happened.
type effects struct {
	sources []source
	records map[string]record // by version
	objects map[string]int64  // renditions: bytes by key
	shown   map[string]int    // tint that a small rendition shows, by its key
	dead    int               // messages on the dead-letter queue
}

// stalled is without any progress: longer than a visibility, a sweep and a back-off
// together.
const stalled = 75 * time.Second

// settle looks until every version has a record, nothing is queued, and a last
// look at everything; or until nothing moves any more.
func (d *Driver) settle(ctx context.Context) error {
	for !d.isFilled() { // an interrupted run
		if !sleep(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
	if d.fillErr != nil {
		return fmt.Errorf("fill the queue: %w", d.fillErr)
	}
	moved, before := time.Now(), -1
	for {
		open, queued, err := d.open(ctx)
		if err != nil {
			return err
		}
		if open == 0 && queued == 0 || time.Since(moved) > stalled {
			break
		}
		if open+queued != before {
			moved, before = time.Now(), open+queued
		}
		if !sleep(ctx, time.Second) {
			return fmt.Errorf("%d versions have no record yet: %w", open, ctx.Err())
		}
	}
	return d.look(ctx)
}

// open counts versions without a record, and messages.
func (d *Driver) open(ctx context.Context) (versions, queued int, err error) {
	sources, err := d.stores.sources(ctx)
	if err != nil {
		return 0, 0, err
	}
	records, err := d.stores.records(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, s := range sources {
		if _, ended := records[s.version]; !ended {
			versions++
		}
	}
	queued, err = d.stores.waiting(ctx, d.stores.env["EVENTS_QUEUE"])
	return versions, queued, err
}

func (d *Driver) look(ctx context.Context) (err error) {
	e := &effects{shown: map[string]int{}}
	if e.sources, err = d.stores.sources(ctx); err != nil {
		return err
	}
	if e.records, err = d.stores.records(ctx); err != nil {
		return err
	}
	if err := d.compare(ctx, e.records); err != nil {
		return err
	}
	if e.objects, err = d.stores.objects(ctx); err != nil {
		return err
	}
	for _, r := range e.records {
		for _, s := range r.sizes {
			if s.name != "small" {
				continue
			}
			img, err := d.stores.picture(ctx, s.key)
			if err != nil {
				e.shown[s.key] = -1 // it is not there, or no picture: the judge says which
				continue
			}
			e.shown[s.key] = tintOf(img)
		}
	}
	d.effects = e
	e.dead, err = d.stores.waiting(ctx, d.stores.env["EVENTS_QUEUE"]+"-dead")
	return err
}

func (d *Driver) isFilled() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.filled
}
