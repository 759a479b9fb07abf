package trial

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const ceilingTime = 3 * time.Second

// Ceiling calls a server as fast as it answers, from so many callers, each one call
// after the other, for 3 s or until its first error. It returns how many of what
// call counts were done a second. Call is told its caller and the number of its call.
func Ceiling(callers int, call func(caller, n int) (done int, err error)) (perSecond float64, err error) {
	var all sync.WaitGroup
	var total atomic.Int64
	failed := make([]error, callers)
	begin := time.Now()
	for i := range callers {
		all.Go(func() {
			for n := 0; time.Since(begin) < ceilingTime && failed[i] == nil; n++ {
				var done int
				done, failed[i] = call(i, n)
				total.Add(int64(done))
			}
		})
	}
	all.Wait()
	return float64(total.Load()) / time.Since(begin).Seconds(), errors.Join(failed...)
}
