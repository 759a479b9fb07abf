// Package postgres cuts PostgreSQL connections (protocol 3) into operations for
// the fault proxy.
package postgres

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/provingground/provingground/loadtest/faults/proxy"
)

const (
	// maxHeld bounds what is held of messages that wait for their Sync.
	maxHeld       = 256 << 10
	maxMessage    = 1 << 30
	maxStatements = 10_000
	maxBatch      = 16 // names in one operation

	// Codes in the place of a protocol version; PostgreSQL's pqcomm.h.
	sslRequest    = 80877103
	gssRequest    = 80877104
	cancelRequest = 80877102
)

// Protocol returns the protocol of a PostgreSQL server, or of a pooler in front
// of one. A client that asks for TLS is told that there is none.
//
// An operation is a simple query, or everything up to a Sync. It is called by its
// verb and its table, "INSERT orders", "SELECT orders", "COMMIT"; several in one
// are joined: "INSERT orders; INSERT outbox". What only prepares or describes a
// statement is Minor, as is the login.
func Protocol() proxy.Protocol {
	return func() proxy.Session {
		return &session{statements: map[string]string{}, portals: map[string]string{}}
	}
}

// session is one connection. All fields belong to the client's side.
type session struct {
	started    bool
	held       []byte            // messages without their Sync
	names      []string          // what they execute
	statements map[string]string // names of what was prepared
	portals    map[string]string // names of what was bound
}

// Request implements proxy.Session.
func (s *session) Request(client *bufio.Reader) (proxy.Request, error) {
	if !s.started {
		return s.start(client)
	}
	s.held = s.held[:0]
	for {
		kind, size, err := header(client)
		if err != nil {
			return proxy.Request{}, s.between(err)
		}
		if len(s.held)+size > maxHeld {
			return s.large(client, kind, size)
		}
		at := len(s.held)
		s.held = append(s.held, make([]byte, size)...)
		if _, err := io.ReadFull(client, s.held[at:]); err != nil {
			return proxy.Request{}, cutOff(err)
		}
		if s.note(kind, s.held[at+5:]) {
			return proxy.Request{Message: proxy.Message{Head: s.held}, Operation: s.operation(kind)}, nil
		}
	}
}

// between is an error where a message would begin: an end of the connection is
// clean when nothing is held.
func (s *session) between(err error) error {
	if len(s.held) > 0 {
		return cutOff(err)
	}
	return err
}

// large passes a message as it comes. Only what ends an operation makes one of it.
func (s *session) large(client *bufio.Reader, kind byte, size int) (proxy.Request, error) {
	beginning, err := client.Peek(min(size, 4<<10, client.Size()))
	if err != nil {
		return proxy.Request{}, cutOff(err)
	}
	s.note(kind, beginning[5:])
	return proxy.Request{
		Message:   proxy.Message{Head: s.held, Rest: func(dst io.Writer) error { return proxy.CopyN(dst, client, int64(size)) }},
		Operation: s.operation(kind),
	}, nil
}

// start reads what comes before the first typed message.
func (s *session) start(client *bufio.Reader) (proxy.Request, error) {
	beginning, err := client.Peek(8)
	if err != nil {
		if len(beginning) > 0 {
			return proxy.Request{}, cutOff(err)
		}
		return proxy.Request{}, err
	}
	size, code := int(binary.BigEndian.Uint32(beginning)), binary.BigEndian.Uint32(beginning[4:])
	if size < 8 || size > 10_000 { // the server's own bound
		return proxy.Request{}, fmt.Errorf("postgres: a first message of %d bytes", size)
	}
	s.held = append(s.held[:0], make([]byte, size)...)
	if _, err := io.ReadFull(client, s.held); err != nil {
		return proxy.Request{}, cutOff(err)
	}
	req := proxy.Request{Message: proxy.Message{Head: s.held}}
	switch code {
	case sslRequest, gssRequest:
		req.Local = []byte("N")
	case cancelRequest:
	default:
		s.started = true
		req.Operation = &proxy.Operation{Name: "LOGIN", Minor: true}
	}
	return req, nil
}

// note remembers what a message says about names and reports whether what is
// held goes to the server now.
func (s *session) note(kind byte, body []byte) bool {
	switch kind {
	case 'Q':
		s.execute(label(text(&body)))
	case 'P': // parse: name, query
		name, query := text(&body), text(&body)
		remember(s.statements, string(name), label(query))
		return false
	case 'B': // bind: portal, statement
		portal, statement := text(&body), text(&body)
		remember(s.portals, string(portal), s.statements[string(statement)])
		return false
	case 'E': // execute: portal
		s.execute(s.portals[string(text(&body))])
		return false
	case 'D', 'C': // describe, close
		return false
	}
	return true
}

func (s *session) execute(name string) {
	if name == "" {
		name = "EXECUTE"
	}
	if n := len(s.names); n < maxBatch && (n == 0 || s.names[n-1] != name) {
		s.names = append(s.names, name)
	}
}

// operation returns what ends with a message of this kind, nil for nothing.
func (s *session) operation(kind byte) *proxy.Operation {
	switch kind {
	case 'F':
		return &proxy.Operation{Name: "FUNCTION"}
	case 'Q', 'S':
	default: // the data of a COPY, a password, Flush, the end
		return nil
	}
	names := s.names
	s.names = nil
	if len(names) == 0 {
		return &proxy.Operation{Name: "PREPARE", Minor: true}
	}
	return &proxy.Operation{Name: join(names)}
}

func remember(names map[string]string, key, name string) {
	if _, known := names[key]; known || len(names) < maxStatements {
		names[key] = name
	}
}

// text takes a string that ends with a zero byte off the front of a message.
func text(body *[]byte) []byte {
	s, rest, _ := bytes.Cut(*body, []byte{0})
	*body = rest
	return s
}

// header returns the kind and the whole size of the next message.
func header(r *bufio.Reader) (kind byte, size int, err error) {
	b, err := r.Peek(5)
	if err != nil {
		if len(b) > 0 {
			err = cutOff(err)
		}
		return 0, 0, err
	}
	n := binary.BigEndian.Uint32(b[1:])
	if n < 4 || n > maxMessage {
		return 0, 0, fmt.Errorf("postgres: message %q of %d bytes", b[0], n)
	}
	return b[0], int(n) + 1, nil
}

// cutOff is the end of a connection inside a message.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
