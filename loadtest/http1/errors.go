package http1

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// Kind says what a failed call leaves known about its request.
type Kind uint8

// The kinds of failure. After any of them the connection is used up.
const (
	// Refused: nobody listens at the address; nothing was sent.
	Refused Kind = iota + 1
	// Unreachable: no connection was made for another reason; nothing was sent.
	Unreachable
	// Timeout: the deadline passed; the server may have acted or still act.
	Timeout
	// NoAnswer: the connection ended before the first byte of the answer. On a
	// reused connection the server may have closed it before it saw the request;
	// nothing is known, so only an idempotent request may be sent again.
	NoAnswer
	// Cut: the connection ended within the answer; the server did act.
	Cut
	// Malformed: the answer is no HTTP/1.1 this package reads.
	Malformed
	// TooLarge: the answer is longer than the limit on headers or body.
	TooLarge
	// Closed: the connection had ended before the call, or Close ended it meanwhile.
	Closed
)

// String returns the kind in words.
func (k Kind) String() string {
	switch k {
	case Refused:
		return "connection refused"
	case Unreachable:
		return "no connection"
	case Timeout:
		return "timeout"
	case NoAnswer:
		return "ended before the answer"
	case Cut:
		return "ended within the answer"
	case Malformed:
		return "malformed answer"
	case TooLarge:
		return "answer too large"
	case Closed:
		return "connection closed"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// An Error is every error that this package returns from dialing and from Do.
type Error struct {
	Kind   Kind
	Addr   string
	Reused bool  // an earlier request was answered on this connection
	Err    error // the cause; never nil
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("http1: %s: %s: %v", e.Addr, e.Kind, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

var (
	errUsedUp  = errors.New("an earlier request used the connection up")
	errPast    = fmt.Errorf("deadline is in the past: %w", os.ErrDeadlineExceeded)
	errTooLong = errors.New("line or headers longer than the limit")
)

func dialError(addr string, err error) error {
	kind := Unreachable
	if errors.Is(err, syscall.ECONNREFUSED) {
		kind = Refused
	}
	return &Error{Kind: kind, Addr: addr, Err: err}
}

// fail marks the connection as used up and tells an error of the network apart
// from one of the answer, which already has its kind.
func (c *Conn) fail(err error) error {
	c.usedUp = true
	if e, ok := errors.AsType[*Error](err); ok {
		e.Addr, e.Reused = c.addr, c.reused
		return e
	}
	return &Error{Kind: c.ioKind(err), Addr: c.addr, Reused: c.reused, Err: err}
}

func (c *Conn) ioKind(err error) Kind {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Timeout
	case errors.Is(err, net.ErrClosed):
		return Closed
	case c.end == 0:
		return NoAnswer
	}
	return Cut
}

func malformed(format string, args ...any) error {
	return &Error{Kind: Malformed, Err: fmt.Errorf(format, args...)}
}

// cut makes an end of stream within an answer an error of its own, so that no
// caller mistakes it for the end of a body.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
