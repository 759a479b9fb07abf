package pubsubconsumer

import (
	"errors"
	"strings"
)

// Reasons of failures that the consumer finds itself. A handler names its own.
const (
	KeepsFailing = "keeps-failing"     // an error without a name
	TooSlow      = "too-slow"          // the handler took longer than it may
	Panicked     = "panicked"          // the handler panicked
	EndsConsumer = "ends-its-consumer" // delivered again and again, and no handler ever ended
	reasonLimit  = 64                  // bytes
	errorLimit   = 1000                // bytes of an error's text that go with a dead letter
)

// permanent, unavailable, later and failure mark what is known about an error.
type (
	permanent struct {
		error
		reason string
	}
	unavailable struct{ error }
	later       struct{ error }
	failure     struct {
		error
		reason string
	}
)

func (e permanent) Unwrap() error   { return e.error }
func (e unavailable) Unwrap() error { return e.error }
func (e later) Unwrap() error       { return e.error }
func (e failure) Unwrap() error     { return e.error }

// Permanent marks an error that no repetition mends: the message is malformed, or
// of an unknown version. Reason is a short name by which dead letters are grouped.
func Permanent(reason string, err error) error { return permanent{err, reason} }

// Unavailable marks an error of a dependency that is away. It says nothing about
// the message.
func Unavailable(err error) error { return unavailable{err} }

// Later marks an error that ends by itself, such as waiting for another message.
func Later(err error) error { return later{err} }

// AboutMessage reports whether an error is the message's own: not that a dependency
// is away, and not that its time has not come.
func AboutMessage(err error) bool { return err != nil && !is[unavailable](err) && !is[later](err) }

// IsPermanent reports whether an error was marked so.
func IsPermanent(err error) bool { return is[permanent](err) }

// reasonOf names an error for people who sort dead letters.
func reasonOf(err error) string {
	var p permanent
	var f failure
	switch {
	case errors.As(err, &p):
		return cut(p.reason, reasonLimit)
	case errors.As(err, &f):
		return f.reason
	}
	return KeepsFailing
}

func is[T error](err error) bool {
	var t T
	return errors.As(err, &t)
}

// cut shortens a text to a number of bytes, at the end of a character. Pub/Sub
// refuses attributes that are not UTF-8.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
