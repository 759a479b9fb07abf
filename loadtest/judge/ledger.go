package judge

import (
	"fmt"
	"strings"

	"github.com/provingground/provingground/loadtest/ledger"
)

// MaxUnknown is the share of keys that may stay unknown where nothing was broken
// on purpose: with more, the ledger would judge too little.
const MaxUnknown = 0.01

// Ledger checks the effects that were found, counted by What, against what was
// answered. Things are what the ledger is about, in the plural. In a drill any
// share may stay unknown.
func Ledger(l *ledger.Ledger, effects map[string]int, things string, drill bool) Check {
	if wrong := l.Judge(effects); len(wrong) > 0 {
		return Checkf("ledger", false, "%d %s are not what was answered: %s", len(wrong), things, Some(wrong))
	}
	t := l.Totals()
	if !drill && t.UnknownShare() > MaxUnknown {
		return Checkf("ledger", false, "%d %s stayed unknown, %.1f %% (at most %.0f %% without a drill)", t.Unknown, things, 100*t.UnknownShare(), 100*MaxUnknown).Timed()
	}
	return Checkf("ledger", true, "%d acknowledged %s are there once, %d refused ones are not, %d unknown ones are there at most once; nothing else is",
		t.Acknowledged, things, t.Refused, t.Unknown)
}

// Some returns the first few of many sentences, and how many more there are.
func Some(sentences []string) string {
	const shown = 4
	s := strings.Join(sentences[:min(shown, len(sentences))], "; ")
	if more := len(sentences) - shown; more > 0 {
		s += fmt.Sprintf("; and %d more", more)
	}
	return s
}
