package edgeapi

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const preparers = 8

// Prepare creates the items that the load reads and changes.
func (d *Driver) Prepare(ctx context.Context, progress func(done, of int)) error {
	d.items = make([]*item, d.setup.Records)
	var (
		next, done atomic.Int64
		work       sync.WaitGroup
		mu         sync.Mutex // of progress
		errs       = make([]error, preparers)
	)
	for w := range preparers {
		work.Go(func() {
			c := d.newClients()
			defer c.Close()
			for errs[w] == nil {
				i := int(next.Add(1)) - 1
				if i >= len(d.items) {
					return
				}
				errs[w] = d.prepare(ctx, &c, i)
				mu.Lock()
				progress(int(done.Add(1)), len(d.items))
				mu.Unlock()
			}
		})
	}
	work.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Driver) prepare(ctx context.Context, c *clients, i int) error {
	key := fmt.Sprintf("%s-seed-%d", d.run, i)
	request, err := d.request(write{
		key: key, method: "POST", path: "/api/items",
		draft: &draft{Name: fmt.Sprintf("Item %d", i), Description: by(key), Price: int64(i), Cost: int64(i)},
	})
	if err != nil {
		return err
	}
	for range 10 { // a repeated creation creates nothing
		if _, err = c.Do(ctx, int64(i), request); err == nil && c.Resp.Status < 500 {
			break
		}
		select { // as Retry-After says
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Second):
		}
	}
	var b body
	if err == nil && c.Resp.Status != 201 {
		err = fmt.Errorf("status %d %.200s", c.Resp.Status, c.Resp.Body)
	}
	if err == nil {
		err = json.Unmarshal(c.Resp.Body, &b)
	}
	if err != nil {
		return fmt.Errorf("create item %d: %w", i, err)
	}
	d.items[i] = &item{id: b.ID, version: b.Version}
	return nil
}
