package sqsconsumer

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAllWorkersGoOnSoonAfterTheDependencyIsBack(t *testing.T) {
	const away = 20 * time.Second
	for name, probe := range map[string]func(context.Context, <-chan struct{}) error{
		"it refuses": func(_ context.Context, back <-chan struct{}) error {
			select {
			case <-back:
				return nil
			default:
				return errors.New("refused")
			}
		},
		"it stands still": func(ctx context.Context, back <-chan struct{}) error {
			select {
			case <-back:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				back := make(chan struct{})
				time.AfterFunc(away, func() { close(back) })
				b := newBreaker(func(ctx context.Context) error { return probe(ctx, back) })
				start := time.Now()
				b.trip()
				var workers sync.WaitGroup
				for range 4 {
					workers.Go(func() {
						if !b.pass(t.Context()) {
							t.Error("a worker was sent away")
						}
					})
				}
				workers.Wait()
				if late := time.Since(start) - away; late < 0 || late > lastProbe {
					t.Errorf("all received again %v after its return, want within %v", late, lastProbe)
				}
			})
		})
	}
}
