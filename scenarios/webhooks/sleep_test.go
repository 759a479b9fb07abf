package webhooks

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestASleepEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if !sleep(ctx, time.Millisecond) || sleep(ctx, time.Hour) {
			t.Error("want the short sleep to pass and the long one to end early")
		}
	})
}
