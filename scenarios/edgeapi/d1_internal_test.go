package edgeapi

import (
	"errors"
	"testing"
)

func TestErrorsOfD1AreKnown(t *testing.T) {
	for text, want := range map[string]error{
		"edge: d1.batch: Network connection lost.":                                 ErrLost,
		"edge: d1.batch: D1_ERROR: D1 DB is overloaded. Too many requests queued.": ErrOverloaded,
	} {
		if err := classify(errors.New(text)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	other := errors.New("edge: d1.batch: D1_ERROR: no such table: items")
	if err := classify(other); err != other {
		t.Errorf("%v, want it as it was", err)
	}
}
