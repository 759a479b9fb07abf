package engine_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
)

func TestHeatBucketsHoldWhatTheirBoundsSay(t *testing.T) {
	for _, d := range []time.Duration{0, 9 * time.Microsecond, 11 * time.Microsecond, time.Millisecond + time.Microsecond, 7 * time.Second, 59 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			send := func(context.Context, int64) engine.Outcome {
				time.Sleep(d)
				return engine.Outcome{Kind: engine.OK}
			}
			f := flow(engine.Constant{Rate: 1, Duration: time.Second}, send)
			r := run(t, t.Context(), engine.Options{Settle: time.Minute}, f)
			last := r.Series[len(r.Series)-1]
			if d < time.Second {
				last = r.Series[0]
			}
			for i, n := range last.Heat {
				low := time.Duration(0)
				if i > 0 {
					low = engine.HeatBound(i - 1)
				}
				in := low <= d && (d <= engine.HeatBound(i) || i == engine.HeatBuckets-1)
				if want := map[bool]uint32{true: 1}[in]; n != want {
					t.Errorf("%s: %d in bucket %d, %s to %s", d, n, i, low, engine.HeatBound(i))
				}
			}
		})
	}
}
