// Package amqp is the listening side of AMQP 1.0 (OASIS AMQP 1.0, part 2:
// Transport, and part 5: Security): frames, SASL, connection, sessions and
// links with the flow control of the specification. It knows nothing of queues.
//
// A program gives it accepted network connections and a Config, whose Attach
// decides about every link: a Sink takes what the peer sends, a Source has what
// the peer receives. Data moves by pulling: a connection's writer asks a Source
// for the next message only when the peer has given credit, its session window
// is open and what was written before has left, so that a slow peer costs one
// bounded buffer, whatever waits for it.
//
// Each connection has two goroutines, reader and writer; Serve returns when
// both have ended.
package amqp

import (
	"fmt"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Performatives (part 2, section 2.7), SASL frames (part 5, section 5.3.3) and
// the types that they carry.
const (
	codeOpen        = 0x10
	codeBegin       = 0x11
	codeAttach      = 0x12
	codeFlow        = 0x13
	codeTransfer    = 0x14
	codeDisposition = 0x15
	codeDetach      = 0x16
	codeEnd         = 0x17
	codeClose       = 0x18
	codeError       = 0x1d
	codeReceived    = 0x23
	codeAccepted    = 0x24
	codeRejected    = 0x25
	codeReleased    = 0x26
	codeModified    = 0x27
	codeSource      = 0x28
	codeTarget      = 0x29
	codeCoordinator = 0x30
	codeMechanisms  = 0x40
	codeInit        = 0x41
	codeOutcome     = 0x44
)

// Error is an AMQP error: a condition that programs read, a description that
// people read.
type Error struct {
	Condition   encoding.Symbol
	Description string
}

// Error returns condition and description.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Condition, e.Description) }

// Errorf makes an Error.
func Errorf(condition encoding.Symbol, format string, args ...any) *Error {
	return &Error{condition, fmt.Sprintf(format, args...)}
}

// encoded returns the error as AMQP has it, with all three fields: Python's
// client reads the last one without looking whether it is there.
func (e *Error) encoded() any {
	if e == nil {
		return nil
	}
	return composite(codeError, e.Condition, e.Description, nil)
}

func composite(code uint64, fields ...any) encoding.Described {
	return encoding.Described{Descriptor: code, Value: encoding.List(fields)}
}

// Config says how connections are served. Fields that are zero take the
// default.
type Config struct {
	Container   string        // the name of this end, default "servicebustest"
	MaxFrame    uint32        // bytes, default 65,536
	MaxMessage  uint64        // bytes, default 262,144, the limit of Service Bus standard
	MaxSessions uint16        // on a connection, default 5,000
	MaxLinks    int           // on a connection, default 5,000
	Idle        time.Duration // without a frame before a connection is dropped, default 4 minutes
	Handshake   time.Duration // until the peer has opened, default 20 s

	// Authenticate decides about a SASL PLAIN login; nil accepts any. The other
	// mechanisms carry no secret and are always accepted.
	Authenticate func(user, password string) bool
	// Attach is called for each link that a peer asks for, by the reader of its
	// connection. It calls Refuse, Sink or Source of the request, now or later.
	Attach func(*Attach)
	// Barrier, if not nil, is called before bytes leave and returns when what
	// led to them is on disk. Its error ends the connection.
	Barrier func() error
}

func (c Config) withDefaults() Config {
	set(&c.Container, "servicebustest")
	set(&c.MaxFrame, 65536)
	set(&c.MaxMessage, 262144)
	set(&c.MaxSessions, 5000)
	set(&c.MaxLinks, 5000)
	set(&c.Idle, 4*time.Minute)
	set(&c.Handshake, 20*time.Second)
	return c
}

func set[T comparable](field *T, otherwise T) {
	var zero T
	if *field == zero {
		*field = otherwise
	}
}
