package proxy

import (
	"bufio"
	"io"
)

// A Protocol begins the sessions that cut the bytes of connections into
// operations. It is called once for each connection.
type Protocol func() Session

// A Session cuts one connection. Request and Answer are each called by one
// goroutine, but at the same time.
//
// To serve another protocol is to write these two methods. Both return a
// message as soon as its beginning is known; an error ends the connection.
type Session interface {
	// Request reads the next message of the client.
	Request(client *bufio.Reader) (Request, error)
	// Answer reads the next message of the server, which answers op: the first
	// in line, nil when none waits.
	Answer(server *bufio.Reader, op *Operation) (Answer, error)
}

// An Operation is something that a client asks of a server and that is answered.
type Operation struct {
	// Name says what and, where it is cheap to know, on what: "PutItem links",
	// "SET session", "INSERT orders". It holds no slash.
	Name string
	// Minor is set for what only sets the stage for others: a login, the parts of
	// a transaction that is sent at once. It passes in line, no fault takes it,
	// and it is neither counted nor recorded.
	Minor bool
	// Note is the session's own: what it must know to read the answer.
	Note any
}

// A Message is one unit of the wire: what was read of it, and what comes.
type Message struct {
	// Head is the part that was read. It is valid until the session reads on.
	Head []byte
	// Rest copies what follows Head from the connection, byte by byte as it is
	// sent; nil when Head is everything. It must be called before the session reads on.
	Rest func(io.Writer) error
}

// A Request is a message of the client.
type Request struct {
	Message
	// Operation is what the message asks for; nil when it belongs to the
	// operation before it or needs no answer.
	Operation *Operation
	// Invite is what makes the client send the rest (100 Continue).
	Invite []byte
	// Local is the answer to a message that is not for the server.
	Local []byte
	// Through says that all bytes after this message pass uncut, both ways.
	Through bool
}

// An Answer is a message of the server.
type Answer struct {
	Message
	// Last says that the operation is answered with this message.
	Last bool
	// Aside says that the message belongs to no operation: it always passes.
	Aside bool
}

// whole copies the message as it is on the wire.
func (m Message) whole(dst io.Writer) error {
	if _, err := dst.Write(m.Head); err != nil {
		return err
	}
	return m.rest(dst)
}

func (m Message) rest(dst io.Writer) error {
	if m.Rest == nil {
		return nil
	}
	return m.Rest(dst)
}

// CopyN is the Rest of a message that ends after n bytes. It holds no more of it
// than the buffer of src.
func CopyN(dst io.Writer, src *bufio.Reader, n int64) error {
	for n > 0 {
		if _, err := src.Peek(1); err != nil {
			return unexpected(err)
		}
		part, err := src.Peek(int(min(n, int64(src.Buffered()))))
		if err != nil {
			return err
		}
		if _, err := dst.Write(part); err != nil {
			return err
		}
		if _, err := src.Discard(len(part)); err != nil {
			return err
		}
		n -= int64(len(part))
	}
	return nil
}

// unexpected is the end of a connection inside a message.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
