package sqsconsumer

import (
	"context"
	"errors"
	"time"
)

// permanent, unavailable and later mark what a handler knows about its error.
type (
	permanent   struct{ error }
	unavailable struct{ error }
	later       struct {
		error
		after time.Duration
	}
)

func (e permanent) Unwrap() error   { return e.error }
func (e unavailable) Unwrap() error { return e.error }
func (e later) Unwrap() error       { return e.error }

// Permanent marks an error that no repetition mends: the message is malformed,
// or of an unknown version. Its text is the reason on the dead-letter queue.
func Permanent(err error) error { return permanent{err} }

// Unavailable marks an error of a dependency that is away. It says nothing about
// the message.
func Unavailable(err error) error { return unavailable{err} }

// Later marks an error that ends by itself, such as another process holding a
// lease: the message is given back for that long, however often it was received.
// Times are rounded up to seconds.
func Later(after time.Duration, err error) error { return later{err, after} }

func isLater(err error) (time.Duration, bool) {
	var l later
	ok := errors.As(err, &l)
	return l.after, ok
}

func isPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}

func isUnavailable(err error) bool {
	var u unavailable
	return errors.As(err, &u)
}

// isCanceled tells the end of a handler's context from a timeout of its own.
func isCanceled(err error) bool { return errors.Is(err, context.Canceled) }
