package ledger

import (
	"context"
	"time"
)

// Patience says how long a key is asked for again.
type Patience struct {
	Deadline time.Duration // since the first attempt
	Pause    time.Duration // between attempts

	// Enough is told of an end that is not definite, and whether it or one before it
	// was unknown; it ends the asking where it returns true. Nil goes on.
	Enough func(end End, unknown bool) bool
}

func (p Patience) enough(end End, unknown bool) bool {
	return p.Enough != nil && p.Enough(end, unknown)
}

// Ask makes attempts for a key, each entered before it is made, until one ends
// definitely, the patience or ctx is at its end. It returns how the last one
// ended. Attempt is told its number, counted from 0, and must send the same key
// every time.
func (l *Ledger) Ask(ctx context.Context, key, what string, p Patience, attempt func(ctx context.Context, n int) End) End {
	until := time.Now().Add(p.Deadline)
	unknown := false
	for n := 0; ; n++ {
		l.Sent(key, what, time.Now())
		end := attempt(ctx, n)
		l.Answered(what, end, time.Now())
		unknown = unknown || end == Unknown
		if end.Definite() || p.enough(end, unknown) || !time.Now().Add(p.Pause).Before(until) || !sleep(ctx, p.Pause) {
			return end
		}
	}
}

// sleep reports whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
