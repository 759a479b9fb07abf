package engine_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
)

func closedFlow(c engine.ClosedLoop, send sendFunc) engine.Flow {
	return engine.Flow{Name: "users", Closed: &c, New: func(int) (engine.Sender, error) { return send, nil }}
}

func TestUsersOfAClosedLoopWaitForTheirAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := closedFlow(engine.ClosedLoop{Users: 10, Duration: 5 * time.Second}, takes(100*time.Millisecond))
		r := run(t, t.Context(), engine.Options{}, f)
		if r.Model != engine.Closed || r.Load != "closed loop, 10 users thinking 0s, for 5s" || r.Workers != 10 {
			t.Errorf("called %s, %q with %d workers", r.Model, r.Load, r.Workers)
		}
		if r.Measured.Completed != 500 || r.IntendedRate != 0 {
			t.Errorf("%d requests, want 10 users × 50; intended rate %v, want none", r.Measured.Completed, r.IntendedRate)
		}
		between(t, "p99", r.LatencyOK.Quantile(0.99), 100*time.Millisecond, 101*time.Millisecond)
		for _, s := range r.Series[:5] {
			if s.Backlog > 0 || s.Intended != s.Sent {
				t.Errorf("second %d: backlog %d, intended %d, sent %d", s.Second, s.Backlog, s.Intended, s.Sent)
			}
		}
	})
}

func TestUsersThinkBetweenTheirRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// 200 users, each of whom takes 1.1 s on average: 182/s.
		f := closedFlow(engine.ClosedLoop{Users: 200, Think: time.Second, Duration: 60 * time.Second, Seed: 5}, takes(100*time.Millisecond))
		f.WarmUp = 10 * time.Second
		r := run(t, t.Context(), engine.Options{}, f)
		if r.AchievedRate < 170 || r.AchievedRate > 194 {
			t.Errorf("%.1f requests/s, want about 182", r.AchievedRate)
		}
		if first := r.Series[0].Sent; first < 150 || first > 250 {
			t.Errorf("%d requests in the first second, want them spread over it", first)
		}
		between(t, "lag max", r.Lag.Max(), 0, time.Millisecond)
	})
}

// The contrast to TestAPauseOfTheServerShowsInThePercentiles, and the reason why
// this model has to be asked for.
func TestUsersWhoArriveComeOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := closedFlow(engine.ClosedLoop{Users: 500, Arrive: 5 * time.Second, Think: time.Hour, Duration: 10 * time.Second}, takes(time.Millisecond))
		r := run(t, t.Context(), engine.Options{}, f)
		for i, s := range r.Series {
			if want := int64(100); i < 5 && s.Sent != want || i >= 5 && s.Sent > 5 { // hardly one thinks for a few seconds only
				t.Errorf("%d requests in second %d", s.Sent, s.Second)
			}
		}
		if want := "closed loop, 500 users arriving over 5s, thinking 1h0m0s, for 10s"; r.Load != want {
			t.Errorf("called %q, want %q", r.Load, want)
		}
	})
}

func TestAClosedLoopHardlySeesAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := time.Now().Add(4 * time.Second)
		send := func(context.Context, int64) engine.Outcome {
			time.Sleep(6400 * time.Microsecond)
			if now := time.Now(); now.After(stop) && now.Before(stop.Add(2*time.Second)) {
				time.Sleep(stop.Add(2 * time.Second).Sub(now))
			}
			return engine.Outcome{Kind: engine.OK}
		}
		r := run(t, t.Context(), engine.Options{}, closedFlow(engine.ClosedLoop{Users: 64, Duration: 10 * time.Second}, send))
		between(t, "p99", r.LatencyOK.Quantile(0.99), 6*time.Millisecond, 7*time.Millisecond)
		between(t, "max", r.LatencyOK.Max(), 1990*time.Millisecond, 2010*time.Millisecond)
		if r.Series[4].OK+r.Series[5].OK > 200 {
			t.Errorf("%d answers while the server stood still", r.Series[4].OK+r.Series[5].OK)
		}
	})
}

func TestAnInterruptedClosedLoopHasTheResultOfWhatRan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		f := closedFlow(engine.ClosedLoop{Users: 5, Think: 50 * time.Millisecond, Duration: time.Hour}, takes(50*time.Millisecond))
		res, err := engine.Run(ctx, engine.Options{}, f)
		if err != nil || !res.Interrupted {
			t.Fatalf("interrupted=%t %v", res.Interrupted, err)
		}
		checkAccounts(t, res.Flows[0])
		if c := res.Flows[0].Measured; c.Completed < 100 || c.Completed != c.Intended {
			t.Errorf("counts are %+v", c)
		}
	})
}
