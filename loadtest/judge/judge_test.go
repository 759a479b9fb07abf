package judge_test

import (
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/judge"
)

func TestABusyMachineExcusesTimingAndNothingElse(t *testing.T) {
	slow := judge.Checkf("p99", false, "slow").Timed()
	lost := judge.Checkf("ledger", false, "lost")
	quiet := judge.Machine(time.Millisecond, 10*time.Millisecond, 0.05, 2*time.Millisecond)
	for _, tt := range []struct {
		name string
		busy []judge.Check
		want judge.Verdict // of the slow check
	}{
		{"quiet", quiet, judge.Fail},
		{"generator late", judge.Machine(3*time.Millisecond, 10*time.Millisecond, 0.05, 2*time.Millisecond), judge.Invalid},
		{"others busy", judge.Machine(time.Millisecond, 10*time.Millisecond, 0.11, 2*time.Millisecond), judge.Invalid},
		{"reference slow", judge.Machine(time.Millisecond, 10*time.Millisecond, 0.05, 3*time.Millisecond), judge.Invalid},
		{"slow, and far below the target", judge.Machine(time.Millisecond, 100*time.Millisecond, 0.05, 3*time.Millisecond), judge.Fail},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := judge.Excuse(append([]judge.Check{slow, lost}, tt.busy...))
			if out[0].Verdict != tt.want {
				t.Errorf("the slow check is %s, want %s", out[0].Verdict, tt.want)
			}
			if out[1].Verdict != judge.Fail {
				t.Errorf("the lost link is %s, want fail: no machine excuses it", out[1].Verdict)
			}
		})
	}
}

func TestRecoveryCountsTheLastBadSecondAfterTheFault(t *testing.T) {
	const target = 10 * time.Millisecond
	good := engine.Second{Seconds: 1, OK: 100, P99: time.Millisecond}
	series := func(bad map[int]engine.Second) engine.FlowResult {
		var f engine.FlowResult
		for i := range 30 {
			s, ok := bad[i]
			if !ok {
				s = good
			}
			s.Second, s.Seconds = i, 1
			f.Series = append(f.Series, s)
		}
		return f
	}
	for _, tt := range []struct {
		name string
		bad  map[int]engine.Second
		want time.Duration
	}{
		{"at once", map[int]engine.Second{5: {Errors: 9}}, 0},
		{"slow for two seconds", map[int]engine.Second{10: {P99: time.Second}, 11: {P99: time.Second}}, 2 * time.Second},
		{"one slow second at once", map[int]engine.Second{10: {P99: time.Second}}, time.Second},
		{"a slow second alone", map[int]engine.Second{17: {P99: time.Second}, 21: {P99: time.Second}}, 0},
		{"two slow seconds later", map[int]engine.Second{17: {P99: time.Second}, 18: {P99: time.Second}}, 9 * time.Second},
		{"a late refusal", map[int]engine.Second{17: {Refused: 1}}, 8 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := judge.Recovered(series(tt.bad), 10*time.Second, target); got != tt.want {
				t.Errorf("Recovered = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAClosedLoopHasNoScheduleToKeep(t *testing.T) {
	f := engine.FlowResult{Name: "reads", AchievedRate: 900, Measured: engine.Counts{Intended: 900, Sent: 900}}
	if c := judge.Sent(f); c.Verdict != judge.Pass {
		t.Errorf("900 reads of a closed loop: %s, %s", c.Verdict, c.Sentence)
	}
	f.Measured.Unsent = 1
	if c := judge.Sent(f); c.Verdict != judge.Fail {
		t.Errorf("one read that was not sent: %s, %s", c.Verdict, c.Sentence)
	}
}

func TestAWrongAnswerIsNeverExcused(t *testing.T) {
	for kind, timing := range map[engine.Kind]bool{engine.Timeout: true, engine.Refused: true, engine.Status: false, engine.Body: false} {
		f := engine.FlowResult{Name: "redirects", Measured: engine.Counts{Intended: 10, Completed: 10, Kinds: map[engine.Kind]int64{engine.OK: 9, kind: 1}}}
		c := judge.NoErrors(f)
		if c.Verdict != judge.Fail || c.Timing != timing {
			t.Errorf("one %s: %s, timing %t, want fail and %t", kind, c.Verdict, c.Timing, timing)
		}
	}
}

func TestAnAnswerThatSaysTooLateIsALateOne(t *testing.T) {
	for status, timing := range map[int]bool{504: true, 503: true, 500: false, 404: false} {
		f := engine.FlowResult{Name: "redirects", Measured: engine.Counts{
			Intended: 10, Completed: 10, Kinds: map[engine.Kind]int64{engine.OK: 7, engine.Refused: 2, engine.Status: 1},
			Statuses: map[int]int64{200: 7, 503: 2},
		}}
		f.Measured.Statuses[status]++
		if c := judge.NoErrors(f); c.Verdict != judge.Fail || c.Timing != timing {
			t.Errorf("one %d beside two refusals: %s, timing %t, want fail and %t", status, c.Verdict, c.Timing, timing)
		}
	}
}

func TestAWindowHoldsTheWholeSecondsOfItsTime(t *testing.T) {
	var f engine.FlowResult
	for i := range 10 {
		f.Series = append(f.Series, engine.Second{Second: i, Seconds: 1, Intended: 10, OK: 5, Refused: 3, Errors: 2, P99: time.Duration(i) * time.Millisecond})
	}
	w := judge.During(f, 2500*time.Millisecond, 6*time.Second) // seconds 3, 4 and 5
	if w.Seconds != 3 || w.Intended != 30 || w.OK != 15 || w.Refused != 9 || w.Errors != 6 || w.P99 != 4*time.Millisecond {
		t.Errorf("During = %+v", w)
	}
	if w.Served() != 0.5 {
		t.Errorf("Served = %v, want 0.5", w.Served())
	}
	if none := judge.During(f, 20*time.Second, 30*time.Second); none.Served() != 0 {
		t.Errorf("a window without seconds served %v", none.Served())
	}
}

func TestALateSecondDoesNotMakeADrillInvalidALateRunDoes(t *testing.T) {
	lags := func(late int) engine.FlowResult {
		f := engine.FlowResult{Series: []engine.Second{{WarmUp: true, Sent: 1, LagP99: time.Minute}}}
		for i := range 10 {
			s := engine.Second{Second: i + 1, Seconds: 1, Sent: 1, LagP99: time.Millisecond}
			if i < late {
				s.LagP99 = time.Second
			}
			f.Series = append(f.Series, s)
		}
		return f
	}
	if got := judge.MedianLag(lags(2)); got != time.Millisecond {
		t.Errorf("with 2 late seconds of 10 it is %s, want 1ms", got)
	}
	if got := judge.MedianLag(lags(8)); got != time.Second {
		t.Errorf("with 8 late seconds of 10 it is %s, want 1s", got)
	}
}
