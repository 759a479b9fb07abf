package judge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/judge"
)

func TestOnlyWhatWasSentAfterAnAcknowledgementHasAnOrder(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	for _, tt := range []struct {
		name     string
		writes   []judge.Ordered
		compared int
		wrong    string
	}{
		{"one after the other", []judge.Ordered{{"b", at(20), at(30), 2}, {"a", at(0), at(10), 1}}, 1, ""},
		{"overtaken", []judge.Ordered{{"a", at(0), at(10), 2}, {"b", at(20), at(30), 1}}, 1, "b was sent at"},
		{"at the same time", []judge.Ordered{{"a", at(0), at(30), 2}, {"b", at(20), at(40), 1}}, 0, ""},
		{"by one that is not the last", []judge.Ordered{{"a", at(0), at(5), 3}, {"b", at(6), at(8), 4}, {"c", at(20), at(30), 1}}, 2, "b was acknowledged at"},
	} {
		compared, wrong := judge.Overtaken(tt.writes)
		all := strings.Join(wrong, "; ")
		if compared != tt.compared || (all == "") != (tt.wrong == "") || !strings.Contains(all, tt.wrong) {
			t.Errorf("%s: %d compared, %q; want %d, %q", tt.name, compared, all, tt.compared, tt.wrong)
		}
	}
}
