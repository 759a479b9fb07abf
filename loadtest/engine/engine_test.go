package engine_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
)

// sendFunc is a sender without anything to close.
type sendFunc func(ctx context.Context, k int64) engine.Outcome

func (f sendFunc) Send(ctx context.Context, k int64) engine.Outcome { return f(ctx, k) }
func (f sendFunc) Close() error                                     { return nil }

func flow(s engine.Schedule, send sendFunc) engine.Flow {
	return engine.Flow{Name: "test", Schedule: s, New: func(int) (engine.Sender, error) { return send, nil }}
}

func takes(d time.Duration) sendFunc {
	return func(context.Context, int64) engine.Outcome {
		time.Sleep(d)
		return engine.Outcome{Kind: engine.OK, Status: 200}
	}
}

// run runs one flow in fake time and checks what holds for every run.
func run(t *testing.T, ctx context.Context, o engine.Options, f engine.Flow) engine.FlowResult {
	t.Helper()
	res, err := engine.Run(ctx, o, f)
	if err != nil {
		t.Fatal(err)
	}
	got := res.Flows[0]
	checkAccounts(t, got)
	return got
}

// checkAccounts fails unless every arrival is in exactly one place, in the totals
// and in the seconds.
func checkAccounts(t *testing.T, r engine.FlowResult) {
	t.Helper()
	var intended, sent, ended int64
	for _, s := range r.Series {
		intended += s.Intended
		sent += s.Sent
		ended += s.OK + s.Refused + s.Errors
	}
	var total engine.Counts
	for _, c := range []engine.Counts{r.Warm, r.Measured} {
		if c.Intended != c.Completed+c.Unanswered+c.Unsent || c.Sent != c.Completed+c.Unanswered {
			t.Errorf("arrivals are missing: %+v", c)
		}
		total.Intended += c.Intended
		total.Sent += c.Sent
		total.Completed += c.Completed + c.Unanswered
	}
	if intended != total.Intended || sent != total.Sent || ended != total.Completed {
		t.Errorf("the seconds hold %d intended, %d sent, %d ended, the totals %+v", intended, sent, ended, total)
	}
	if r.Lag.Count() != r.Measured.Sent || r.Service.Count() != r.Measured.Completed ||
		r.LatencyAll.Count() != r.Measured.Completed || r.LatencyOK.Count() != r.Measured.Kinds[engine.OK] {
		t.Errorf("histograms hold %d lags, %d services, %d and %d latencies; counts are %+v",
			r.Lag.Count(), r.Service.Count(), r.LatencyAll.Count(), r.LatencyOK.Count(), r.Measured)
	}
}

func between(t *testing.T, what string, got, low, high time.Duration) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s is %s, want %s to %s", what, got, low, high)
	}
}

// The test that most load generators fail: a server that stands still must show
// in the percentiles as long as it stood, for every arrival that was due.
func TestAPauseOfTheServerShowsInThePercentiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		stop, cont := start.Add(4*time.Second), start.Add(6*time.Second)
		send := func(context.Context, int64) engine.Outcome {
			time.Sleep(100 * time.Microsecond)
			if now := time.Now(); now.After(stop) && now.Before(cont) {
				time.Sleep(cont.Sub(now))
			}
			return engine.Outcome{Kind: engine.OK, Status: 302}
		}
		f := flow(engine.Constant{Rate: 10_000, Duration: 10 * time.Second}, send)
		f.MaxWorkers = f.Workers // no help from more workers
		r := run(t, t.Context(), engine.Options{}, f)

		if r.Measured.Completed != 100_000 || r.Measured.Kinds[engine.OK] != 100_000 {
			t.Errorf("counts are %+v, want 100,000 answered", r.Measured)
		}
		between(t, "p50", r.LatencyOK.Quantile(0.5), 90*time.Microsecond, time.Millisecond)
		between(t, "p90", r.LatencyOK.Quantile(0.9), 800*time.Millisecond, 1500*time.Millisecond)
		between(t, "p99", r.LatencyOK.Quantile(0.99), 1800*time.Millisecond, 2300*time.Millisecond)
		between(t, "max", r.LatencyOK.Max(), 1990*time.Millisecond, 2300*time.Millisecond)
		between(t, "service time p99", r.Service.Quantile(0.99), 0, time.Millisecond)
		if peak := r.Series[5].Backlog; peak < 19_000 || peak > 20_000 {
			t.Errorf("backlog before the server went on is %d, want nearly 20,000", peak)
		}
	})
}

func TestAStuckRequestHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		send := func(_ context.Context, k int64) engine.Outcome {
			if k == 10 {
				time.Sleep(3 * time.Second)
			}
			return engine.Outcome{Kind: engine.OK}
		}
		f := flow(engine.Constant{Rate: 1000, Duration: 5 * time.Second}, send)
		f.Workers = 4
		r := run(t, t.Context(), engine.Options{}, f)
		if r.Measured.Completed != 5000 || r.Measured.Late != 0 {
			t.Errorf("counts are %+v, want 5,000 answered and none late", r.Measured)
		}
		between(t, "p99", r.LatencyOK.Quantile(0.99), 0, time.Millisecond)
		between(t, "max", r.LatencyOK.Max(), 3*time.Second, 3010*time.Millisecond)
	})
}

func TestMoreWorkersStartWhenAllAreBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// 100 arrivals/s of one second each need 100 workers.
		f := flow(engine.Constant{Rate: 100, Duration: 20 * time.Second}, takes(time.Second))
		f.Workers, f.MaxWorkers = 1, 200
		f.WarmUp = 10 * time.Second
		r := run(t, t.Context(), engine.Options{}, f)
		if r.Workers < 100 || r.Workers > 200 {
			t.Errorf("%d workers, want 100 to 200", r.Workers)
		}
		if r.Warm.Late == 0 || r.Series[0].Backlog == 0 {
			t.Errorf("late %d, backlog %d: one worker cannot have been enough", r.Warm.Late, r.Series[0].Backlog)
		}
		between(t, "lag p99", r.Lag.Quantile(0.99), 0, time.Millisecond)
	})
}

func TestWithoutMoreWorkersTheBacklogIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := flow(engine.Constant{Rate: 100, Duration: 10 * time.Second}, takes(time.Second))
		f.Workers = 50
		r := run(t, t.Context(), engine.Options{Settle: time.Minute}, f)
		if r.Measured.Completed != 1000 {
			t.Errorf("counts are %+v, want all 1,000 answered", r.Measured)
		}
		between(t, "lag max", r.Lag.Max(), 9*time.Second, 11*time.Second)
		if r.AchievedRate > 60 || r.IntendedRate < 99.9 || r.IntendedRate > 100.1 {
			t.Errorf("intended %.1f/s, achieved %.1f/s, want 100 and about 50", r.IntendedRate, r.AchievedRate)
		}
	})
}

func TestTheWarmUpIsSentAndNotMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		send := func(context.Context, int64) engine.Outcome {
			if time.Since(start) < 2*time.Second {
				time.Sleep(50 * time.Millisecond)
			}
			return engine.Outcome{Kind: engine.OK}
		}
		f := flow(engine.Constant{Rate: 100, Duration: 5 * time.Second}, send)
		f.WarmUp = 2 * time.Second
		r := run(t, t.Context(), engine.Options{}, f)
		if r.Warm.Completed != 200 || r.Measured.Completed != 300 {
			t.Errorf("warm-up %d, measured %d, want 200 and 300", r.Warm.Completed, r.Measured.Completed)
		}
		between(t, "measured max", r.LatencyAll.Max(), 0, time.Millisecond)
		if !r.Series[1].WarmUp || r.Series[2].WarmUp {
			t.Error("the seconds are not marked as warm-up until second 2")
		}
		between(t, "p99 of the first second", r.Series[0].P99, 50*time.Millisecond, 51*time.Millisecond)
	})
}

func TestAFastRefusalDoesNotFlatterTheSuccesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		send := func(_ context.Context, k int64) engine.Outcome {
			switch {
			case k%2 == 0:
				return engine.Outcome{Kind: engine.Refused, Status: 503}
			case k%25 == 0:
				return engine.Outcome{Kind: engine.Status, Status: 500}
			}
			time.Sleep(80 * time.Millisecond)
			return engine.Outcome{Kind: engine.OK, Status: 200}
		}
		r := run(t, t.Context(), engine.Options{}, flow(engine.Constant{Rate: 100, Duration: 10 * time.Second}, send))
		between(t, "p50 of successes", r.LatencyOK.Quantile(0.5), 80*time.Millisecond, 81*time.Millisecond)
		between(t, "p50 of all", r.LatencyAll.Quantile(0.5), 0, time.Millisecond)
		if r.Measured.Statuses[503] != 500 || r.Measured.Statuses[500] != 20 || r.Measured.Failed() != 20 {
			t.Errorf("counts are %+v, want 500 times 503, 20 times 500, and 20 failed", r.Measured)
		}
		var refused, errs int64
		for _, s := range r.Series {
			refused += s.Refused
			errs += s.Errors
		}
		if refused != 500 || errs != 20 {
			t.Errorf("the seconds hold %d refused and %d errors", refused, errs)
		}
	})
}

func TestAnInterruptedRunHasTheResultOfWhatRan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		f := flow(engine.Constant{Rate: 100, Duration: time.Hour}, takes(10*time.Millisecond))
		res, err := engine.Run(ctx, engine.Options{}, f)
		if err != nil || !res.Interrupted {
			t.Fatalf("interrupted=%t %v", res.Interrupted, err)
		}
		checkAccounts(t, res.Flows[0])
		if c := res.Flows[0].Measured; c.Completed < 349 || c.Completed > 351 || c.Unanswered > 0 {
			t.Errorf("counts are %+v, want 350 answered", c)
		}
		between(t, "the run", res.Elapsed, 3500*time.Millisecond, 3700*time.Millisecond)
	})
}

func TestRequestsWithoutAnAnswerAreCountedAfterSettling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		send := func(ctx context.Context, k int64) engine.Outcome {
			if k < 90 {
				return engine.Outcome{Kind: engine.OK}
			}
			<-ctx.Done()
			return engine.Outcome{Kind: engine.OK} // whatever it says now
		}
		f := flow(engine.Constant{Rate: 100, Duration: time.Second}, send)
		f.Workers = 6
		r := run(t, t.Context(), engine.Options{Settle: 2 * time.Second}, f)
		if c := r.Measured; c.Completed != 90 || c.Unanswered != 6 || c.Unsent != 4 || c.Failed() != 10 {
			t.Errorf("counts are %+v, want 90 answered, 6 unanswered, 4 unsent", c)
		}
	})
}

func TestFlowsRunSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seconds []engine.Progress
		reads := flow(engine.Constant{Rate: 1000, Duration: 3 * time.Second}, takes(time.Millisecond))
		writes := flow(engine.Constant{Rate: 50, Duration: 3 * time.Second}, takes(time.Millisecond))
		writes.Name = "writes"
		o := engine.Options{OnSecond: func(p engine.Progress) { seconds = append(seconds, p) }}
		res, err := engine.Run(t.Context(), o, reads, writes)
		if err != nil {
			t.Fatal(err)
		}
		if res.Flows[0].Measured.Completed != 3000 || res.Flows[1].Measured.Completed != 150 {
			t.Errorf("flows are %+v and %+v", res.Flows[0].Measured, res.Flows[1].Measured)
		}
		for i, p := range seconds {
			if p.Second != i || len(p.Flows) != 2 || p.Flows[1] != (engine.FlowProgress{Name: "writes", Second: res.Flows[1].Series[i]}) {
				t.Errorf("progress %d is %+v", i, p)
			}
		}
		if len(seconds) < 3 {
			t.Errorf("%d seconds were reported, want 3 or more", len(seconds))
		}
	})
}

func TestAStartInTheFutureIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().Add(2500 * time.Millisecond)
		var first time.Time
		send := func(_ context.Context, k int64) engine.Outcome {
			if k == 0 {
				first = time.Now()
			}
			return engine.Outcome{Kind: engine.OK}
		}
		r := run(t, t.Context(), engine.Options{Start: start}, flow(engine.Constant{Rate: 10, Duration: time.Second}, send))
		if !first.Equal(start) || r.Measured.Completed != 10 || r.Lag.Max() > 0 {
			t.Errorf("first sent %s after the start, lag %s, %+v", first.Sub(start), r.Lag.Max(), r.Measured)
		}
	})
}

// closer counts its calls.
type closer struct {
	sendFunc
	closed *atomic.Int64
	err    error
}

func (c closer) Close() error {
	c.closed.Add(1)
	return c.err
}

func TestEverySenderIsClosedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var closed atomic.Int64
		broken := errors.New("broken")
		f := flow(engine.Constant{Rate: 100, Duration: time.Second}, nil)
		f.Workers, f.MaxWorkers = 3, 8
		f.New = func(worker int) (engine.Sender, error) {
			c := closer{sendFunc: takes(time.Second), closed: &closed}
			if worker == 1 {
				c.err = broken
			}
			return c, nil
		}
		res, err := engine.Run(t.Context(), engine.Options{}, f)
		if !errors.Is(err, broken) || res == nil {
			t.Fatalf("got %v, %v, want a result and the error of closing", res, err)
		}
		if int(closed.Load()) != res.Flows[0].Workers || closed.Load() != 8 {
			t.Errorf("closed %d of %d senders", closed.Load(), res.Flows[0].Workers)
		}
	})
}

func TestASenderThatCannotBeMadeEndsTheRun(t *testing.T) {
	var closed atomic.Int64
	broken := errors.New("broken")
	f := flow(engine.Constant{Rate: 1, Duration: time.Second}, nil)
	f.New = func(worker int) (engine.Sender, error) {
		if worker == 2 {
			return nil, broken
		}
		return closer{closed: &closed}, nil
	}
	res, err := engine.Run(t.Context(), engine.Options{}, f)
	if res != nil || !errors.Is(err, broken) || closed.Load() != 2 {
		t.Errorf("got %v, %v with %d closed, want the error and 2 closed", res, err, closed.Load())
	}
}

func TestFlowsWithoutSenseAreRefused(t *testing.T) {
	good := flow(engine.Constant{Rate: 1, Duration: time.Second}, takes(0))
	noSchedule, noSender, negative := good, good, good
	noSchedule.Schedule, noSender.New, negative.WarmUp = nil, nil, -1
	for name, flows := range map[string][]engine.Flow{
		"none": nil, "no schedule": {noSchedule}, "no sender": {good, noSender}, "negative": {negative},
	} {
		if _, err := engine.Run(t.Context(), engine.Options{}, flows...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// On the real clock, for the race detector.
func TestOnTheRealClockEveryArrivalIsSentOnce(t *testing.T) {
	var mu sync.Mutex
	seen := map[int64]int{}
	send := func(_ context.Context, k int64) engine.Outcome {
		mu.Lock()
		defer mu.Unlock()
		seen[k]++
		return engine.Outcome{Kind: engine.OK}
	}
	f := flow(engine.Constant{Rate: 5000, Duration: 400 * time.Millisecond}, send)
	f.MaxWorkers = 100
	r := run(t, t.Context(), engine.Options{}, f)
	if len(seen) != 2000 || r.Measured.Completed != 2000 {
		t.Errorf("%d of 2000 arrivals were sent, %d ended", len(seen), r.Measured.Completed)
	}
	for k, n := range seen {
		if n != 1 {
			t.Errorf("arrival %d was sent %d times", k, n)
		}
	}
}
