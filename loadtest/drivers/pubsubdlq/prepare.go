package pubsubdlq

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// Prepare makes the accounts, those that cannot be charged included, and a
// subscription of the dead-letter topic for the judge.
func (d *Driver) Prepare(ctx context.Context, progress func(done, of int)) error {
	if err := d.topic.subscribe(ctx); err != nil {
		return err
	}
	roles := []string{"subscriber", "before"}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for _, role := range roles {
		for i := range d.setup.Records {
			group.Go(func() error {
				return d.setAccount(ctx, role, fmt.Sprintf("r%s-a-%d", d.run, i), `{"price":1000}`)
			})
		}
		for of, body := range map[kind]string{unpriced: `{}`, slow: `{"price":1000,"partner_ms":3600000}`, packless: `{"price":1000,"pack":0}`} {
			for i := range badOfAKind {
				group.Go(func() error { return d.setAccount(ctx, role, fmt.Sprintf("r%s-%s-%d", d.run, bad()[of], i), body) })
			}
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	progress(d.setup.Records, d.setup.Records)
	return nil
}

// mend sets right what can be set right: prices, and accounts that were unknown.
func (d *Driver) mend(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, of := range []kind{unknown, unpriced} {
		for i := range badOfAKind {
			group.Go(func() error {
				return d.setAccount(ctx, "subscriber", fmt.Sprintf("r%s-%s-%d", d.run, bad()[of], i), `{"price":1000}`)
			})
		}
	}
	err := group.Wait()
	d.mended.Store(err == nil)
	return err
}
