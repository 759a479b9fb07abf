package imageresize

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"
)

const watchEvery = time.Second

// Watch fills the queue that the load begins with, and looks at the records while the load runs: a record is written once, and
// its objects are there before it. And at the memory of the resizers.
func (d *Driver) Watch(ctx context.Context) {
	var filling sync.WaitGroup
	defer filling.Wait()
	filling.Go(func() {
		err := d.fill(ctx)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.filled, d.fillErr = true, err
	})
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		d.memory.sample(d.setup.Stack.Instances)
		looking, cancel := context.WithTimeout(ctx, 5*time.Second)
		records, err := d.stores.records(looking)
		if err == nil {
			err = d.compare(looking, records)
		}
		cancel()
		_ = err // a server that a drill stops; the last look has to work
	}
}

// compare enters records that are new, and those that are not as they were.
func (d *Driver) compare(ctx context.Context, records map[string]record) error {
	fresh := d.enter(records)
	if len(fresh) == 0 {
		return nil
	}
	objects, err := d.stores.objects(ctx) // later than the records: what a record names has to be there
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for version, r := range fresh {
		for _, s := range r.sizes {
			if _, there := objects[s.key]; !there {
				d.changed = append(d.changed, fmt.Sprintf("%s version %s had a record before its size %s was there", r.key, version, s.name))
			}
		}
	}
	return nil
}

// enter returns the records that were not seen before.
func (d *Driver) enter(records map[string]record) map[string]record {
	d.mu.Lock()
	defer d.mu.Unlock()
	fresh := map[string]record{}
	for version, r := range records {
		before, known := d.seen[version]
		if !known {
			fresh[version] = r
			continue
		}
		if before.state != r.state || before.objects != r.objects || !before.finished.Equal(r.finished) {
			d.changed = append(d.changed, fmt.Sprintf("%s version %s was %s since %s and then %s since %s", r.key, version, before.state, clock(before.finished), r.state, clock(r.finished)))
		}
	}
	maps.Copy(d.seen, fresh)
	return fresh
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }
