package servicebusconsumer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/go-amqp"
)

func TestALockThatRanOutWhileTheProcessStoodStillIsNotRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := (&Consumer{}).withDefaults()
		working, lose := context.WithCancelCause(t.Context())
		defer lose(nil)
		end := time.Now().Add(15 * time.Second)
		l := lock{what: "session s", renew: func(context.Context) error { t.Error("it is renewed"); return nil }}
		looked := false
		l.until = func() time.Time {
			if looked {
				time.Sleep(20 * time.Second) // the process is stopped, and goes on
			}
			looked = true
			return end
		}
		c.renew(working, l, lose)
		if !errors.Is(context.Cause(working), ErrLost) {
			t.Errorf("the context ended with %v, want ErrLost", context.Cause(working))
		}
	})
}

func TestASessionThatSomebodyElseHasIsLost(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("settle: %w", &amqp.Error{Condition: sessionTaken}), true},
		{&amqp.Error{Condition: "com.microsoft:server-busy"}, false},
		{context.DeadlineExceeded, false},
	} {
		if got := lost(tt.err); got != tt.want {
			t.Errorf("lost(%v) = %v", tt.err, got)
		}
	}
}
