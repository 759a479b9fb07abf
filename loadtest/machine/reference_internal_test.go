package machine

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
)

func TestTheReferenceIsMeasuredAgainstAChildProcess(t *testing.T) {
	t.Setenv("MACHINE_TEST_SERVE", "1")
	load := engine.Constant{Rate: 500, Duration: time.Second}
	got, err := measure(t.Context(), load, 200*time.Millisecond, []string{os.Args[0]})
	if err != nil {
		t.Fatal(err)
	}
	if got.Intended != 400 || got.Failed != 0 || got.P50 <= 0 || got.P99 < got.P50 || got.Max < got.P99 {
		t.Errorf("reference is %+v, want 400 arrivals answered", got)
	}
}

func TestTheRateOfAReferenceHasBounds(t *testing.T) {
	t.Setenv("MACHINE_TEST_SERVE", "1")
	got, err := MeasureReferenceAt(t.Context(), 1, os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if got.Rate != minReferenceRate || got.Intended != 300 || got.Duration != 3*time.Second {
		t.Errorf("reference is %+v, want 3 s at the lowest rate", got)
	}
}

func TestAReferenceThatCannotStartIsAnError(t *testing.T) {
	for name, command := range map[string][]string{
		"no command": nil, "no program": {"/does/not/exist"}, "no address": {"/bin/true"},
	} {
		if _, err := MeasureReference(t.Context(), command...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAnInterruptedReferenceIsAnError(t *testing.T) {
	t.Setenv("MACHINE_TEST_SERVE", "1")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if got, err := MeasureReference(ctx, os.Args[0]); err == nil {
		t.Errorf("got %+v, want an error", got)
	}
}
