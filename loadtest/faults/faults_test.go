package faults_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/provingground/provingground/loadtest/faults"
)

func TestStepsHappenAtTheirTimesAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(context.Context) error { time.Sleep(3 * time.Second); return nil }
		marks, err := faults.Run(t.Context(), time.Now(), []faults.Step{
			{At: time.Second, Name: "stop", Do: slow},
			{At: 2 * time.Second, Name: "start", Do: slow}, // due while the first runs
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []faults.Mark{{"stop", time.Second, 4 * time.Second}, {"start", 4 * time.Second, 7 * time.Second}}
		if len(marks) != 2 || marks[0] != want[0] || marks[1] != want[1] {
			t.Errorf("marks = %v, want %v", marks, want)
		}
	})
}

func TestAFailedStepEndsTheTimeline(t *testing.T) {
	broken := errors.New("no such process")
	marks, err := faults.Run(t.Context(), time.Now(), []faults.Step{
		{Name: "kill", Do: func(context.Context) error { return broken }},
		{Name: "start", Do: func(context.Context) error { t.Error("the step after a failed one was taken"); return nil }},
	})
	if !errors.Is(err, broken) || len(marks) != 0 {
		t.Errorf("Run = %v, %v, want no marks and the step's error", marks, err)
	}
}
