package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
)

func TestErrorsHaveTheirKind(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want engine.Kind
	}{
		{nil, engine.OK},
		{&http1.Error{Kind: http1.Refused, Err: io.EOF}, engine.Dial},
		{&http1.Error{Kind: http1.Unreachable, Err: os.ErrDeadlineExceeded}, engine.Dial},
		{&http1.Error{Kind: http1.Timeout, Err: io.EOF}, engine.Timeout},
		{&http1.Error{Kind: http1.NoAnswer, Err: io.EOF}, engine.Reset},
		{&http1.Error{Kind: http1.Cut, Err: io.EOF}, engine.Cut},
		{&http1.Error{Kind: http1.TooLarge, Err: io.EOF}, engine.Malformed},
		{&http1.Error{Kind: http1.Closed, Err: io.EOF}, engine.Canceled},
		{fmt.Errorf("wrapped: %w", context.Canceled), engine.Canceled},
		{context.DeadlineExceeded, engine.Timeout},
		{syscall.ECONNREFUSED, engine.Dial},
		{syscall.ECONNRESET, engine.Reset},
		{io.ErrUnexpectedEOF, engine.Cut},
		{errors.New("other"), engine.Unknown},
	} {
		if got := engine.KindOf(tc.err); got != tc.want {
			t.Errorf("KindOf(%v) = %s, want %s", tc.err, got, tc.want)
		}
	}
}

func TestEveryKindHasItsOwnName(t *testing.T) {
	seen := map[string]bool{}
	for k := engine.Unknown; k <= engine.Canceled; k++ {
		if seen[k.String()] || k.String() == "" {
			t.Errorf("kind %d is called %q", uint8(k), k)
		}
		seen[k.String()] = true
	}
}
