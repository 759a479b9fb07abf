package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/provingground/provingground/loadtest/http1"
)

// Kind says how a request ended.
type Kind uint8

// The kinds of outcome.
const (
	Unknown   Kind = iota // the sender did not say
	OK                    // answered as expected
	Refused               // a documented refusal, such as 503 with Retry-After
	Status                // a status nobody expected
	Body                  // the answer failed its check
	Timeout               // no answer in time
	Reset                 // the connection ended before the answer
	Cut                   // the connection ended within the answer
	Malformed             // the answer could not be read
	Dial                  // no connection was made
	Canceled              // the sender gave up
	kinds
)

// String returns the kind as reports spell it.
func (k Kind) String() string {
	names := [kinds]string{
		"unknown", "ok", "refused", "status", "body", "timeout",
		"reset", "cut", "malformed", "dial", "canceled",
	}
	if k < kinds {
		return names[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// An Outcome is how one request ended. Status is that of an HTTP answer, or 0.
type Outcome struct {
	Kind   Kind
	Status int
}

// KindOf returns the kind of outcome that err stands for: errors of package
// http1, of contexts and of the network; OK for nil, Unknown for others.
func KindOf(err error) Kind {
	if err == nil {
		return OK
	}
	if e, ok := errors.AsType[*http1.Error](err); ok {
		return kindOfHTTP(e)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.Is(err, syscall.ECONNREFUSED):
		return Dial
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF):
		return Reset
	case errors.Is(err, io.ErrUnexpectedEOF):
		return Cut
	}
	return Unknown
}

func kindOfHTTP(e *http1.Error) Kind {
	switch e.Kind {
	case http1.Refused, http1.Unreachable:
		return Dial
	case http1.Timeout:
		return Timeout
	case http1.NoAnswer:
		return Reset
	case http1.Cut:
		return Cut
	case http1.Malformed, http1.TooLarge:
		return Malformed
	case http1.Closed:
		return Canceled
	}
	return Unknown
}
