package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/ledger"
)

func TestVerdictPerKey(t *testing.T) {
	const (
		ack = ledger.Acknowledged
		ref = ledger.Refused
		unk = ledger.Unknown
	)
	for _, tt := range []struct {
		name    string
		ends    []ledger.End
		over    bool
		effects int
		wrong   string // part of the sentence; empty: all is well
	}{
		{"acknowledged and there", []ledger.End{ack}, false, 1, ""},
		{"acknowledged and missing", []ledger.End{ack}, false, 0, "is not there"},
		{"acknowledged twice by a retry and there once", []ledger.End{unk, ack}, false, 1, ""},
		{"doubled by a retry", []ledger.End{unk, ack}, false, 2, "there 2 times"},
		{"refused and not there", []ledger.End{ref, ref}, false, 0, ""},
		{"refused and there", []ledger.End{ref}, false, 1, "refused in each"},
		{"unknown and not there", []ledger.End{unk}, false, 0, ""},
		{"unknown and there", []ledger.End{unk}, false, 1, ""},
		{"unknown, then refused: a refusal does not close the key", []ledger.End{unk, ref}, false, 1, ""},
		{"unknown and doubled", []ledger.End{unk, unk}, false, 2, "there 2 times"},
		{"ended and gone", []ledger.End{ack}, true, 0, ""},
		{"ended and still there", []ledger.End{ack}, true, 1, "still there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var l ledger.Ledger
			for _, end := range tt.ends {
				l.Sent("key", "link x", time.Now())
				l.Answered("link x", end, time.Now())
			}
			if tt.over {
				l.Over("link x", time.Now())
			}
			wrong := strings.Join(l.Judge(map[string]int{"link x": tt.effects}), "; ")
			if (wrong == "") != (tt.wrong == "") || !strings.Contains(wrong, tt.wrong) {
				t.Errorf("Judge = %q, want a sentence with %q", wrong, tt.wrong)
			}
		})
	}
}

func TestAnEffectWhoseEndIsUnknownMayBeThereOrNot(t *testing.T) {
	for effects := range 2 {
		var l ledger.Ledger
		l.Sent("key", "link x", time.Now())
		l.Answered("link x", ledger.Acknowledged, time.Now())
		l.Ending("link x", time.Now())
		if wrong := l.Judge(map[string]int{"link x": effects}); len(wrong) != 0 {
			t.Errorf("Judge with %d effects = %q, want nothing", effects, wrong)
		}
	}
}

func TestAnEffectThatNobodyAskedForIsReported(t *testing.T) {
	var l ledger.Ledger
	wrong := l.Judge(map[string]int{"link y": 1})
	if len(wrong) != 1 || !strings.Contains(wrong[0], "nobody asked") {
		t.Errorf("Judge = %q, want one sentence about link y", wrong)
	}
}

func TestAnswersAreClassifiedAsDocumented(t *testing.T) {
	for _, tt := range []struct {
		status     int
		retryAfter bool
		want       ledger.End
	}{
		{201, false, ledger.Acknowledged},
		{204, false, ledger.Acknowledged},
		{409, false, ledger.Refused},
		{409, true, ledger.Unknown},
		{503, true, ledger.NotAttempted},
		{503, false, ledger.Unknown},
		{429, true, ledger.NotAttempted},
		{500, false, ledger.Unknown},
		{502, false, ledger.Unknown},
		{504, true, ledger.Unknown},
		{302, false, ledger.Unknown},
	} {
		if got := ledger.EndOf(tt.status, tt.retryAfter); got != tt.want {
			t.Errorf("EndOf(%d, %t) = %s, want %s", tt.status, tt.retryAfter, got, tt.want)
		}
	}
}
