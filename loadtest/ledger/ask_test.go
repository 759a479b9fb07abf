package ledger_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/provingground/provingground/loadtest/ledger"
)

// ask plays a service that gives these ends, one after the other, each after a
// second, and returns how often it was asked and how the last attempt ended.
func ask(t *testing.T, l *ledger.Ledger, ends ...ledger.End) (asked int, last ledger.End) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := ledger.Patience{Deadline: 10 * time.Second, Pause: time.Second}
		last = l.Ask(t.Context(), "key", "effect", p, func(context.Context, int) ledger.End {
			time.Sleep(time.Second)
			asked++
			return ends[min(asked, len(ends))-1]
		})
	})
	return asked, last
}

func TestAKeyIsAskedForUntilTheAnswerIsDefinite(t *testing.T) {
	const u, a, r, n = ledger.Unknown, ledger.Acknowledged, ledger.Refused, ledger.NotAttempted
	for _, tt := range []struct {
		name  string
		ends  []ledger.End
		asked int
		state ledger.End
	}{
		{"acknowledged at once", []ledger.End{a}, 1, a},
		{"refused for good", []ledger.End{r}, 1, r},
		{"unknown, then acknowledged", []ledger.End{u, u, a}, 3, a},
		{"busy, then refused", []ledger.End{n, n, r}, 3, r},
		{"unknown, then refused: the first may have happened", []ledger.End{u, r}, 2, u},
		{"busy all the time", []ledger.End{n}, 5, r},
		{"unknown all the time", []ledger.End{u}, 5, u},
	} {
		var l ledger.Ledger
		asked, _ := ask(t, &l, tt.ends...)
		if asked != tt.asked {
			t.Errorf("%s: asked %d times, want %d", tt.name, asked, tt.asked)
		}
		want := ledger.Totals{}
		switch tt.state {
		case a:
			want.Acknowledged = 1
		case r:
			want.Refused = 1
		default:
			want.Unknown = 1
		}
		if got := l.Totals(); got != want {
			t.Errorf("%s: totals are %+v, want %+v", tt.name, got, want)
		}
	}
}

func TestAskingEndsWhenItIsEnough(t *testing.T) {
	refused := func(end ledger.End, unknown bool) bool { return end == ledger.NotAttempted && !unknown }
	for _, tt := range []struct {
		name  string
		ends  []ledger.End
		asked int
	}{
		{"a refusal is enough", []ledger.End{ledger.NotAttempted, ledger.Acknowledged}, 1},
		{"but not after an attempt that may have happened", []ledger.End{ledger.Unknown, ledger.NotAttempted, ledger.Acknowledged}, 3},
	} {
		var l ledger.Ledger
		asked := 0
		l.Ask(t.Context(), "key", "effect", ledger.Patience{Deadline: time.Hour, Enough: refused}, func(context.Context, int) ledger.End {
			asked++
			return tt.ends[asked-1]
		})
		if asked != tt.asked {
			t.Errorf("%s: asked %d times, want %d", tt.name, asked, tt.asked)
		}
	}
}

func TestAskingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var l ledger.Ledger
	end := l.Ask(ctx, "key", "effect", ledger.Patience{Deadline: time.Hour, Pause: time.Hour}, func(context.Context, int) ledger.End {
		cancel()
		return ledger.Unknown
	})
	if end != ledger.Unknown || l.Totals().UnknownShare() != 1 {
		t.Errorf("ended %s, totals %+v", end, l.Totals())
	}
}

func TestEndsOfHTTPAnswers(t *testing.T) {
	ends := map[ledger.End][]int{}
	for _, status := range []int{200, 201, 202, 204, 400, 401, 403, 404, 409, 412, 413, 415, 422, 429, 500, 502, 503, 504} {
		ends[ledger.EndOf(status, true)] = append(ends[ledger.EndOf(status, true)], status)
	}
	for end, want := range map[ledger.End][]int{
		ledger.Acknowledged: {200, 201, 202, 204},
		ledger.Refused:      {400, 401, 403, 404, 412, 413, 415, 422},
		ledger.NotAttempted: {429, 503},
		ledger.Unknown:      {409, 500, 502, 504},
	} {
		if !slices.Equal(ends[end], want) {
			t.Errorf("with Retry-After %s is %v, want %v", end, ends[end], want)
		}
	}
	if ledger.EndOf(409, false) != ledger.Refused || ledger.EndOf(503, false) != ledger.Unknown || ledger.EndOf(429, false) != ledger.Unknown {
		t.Error("without Retry-After: 409 is a refusal, 503 and 429 promise nothing")
	}
}
