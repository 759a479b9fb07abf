package postgres

import (
	"bufio"
	"io"

	"github.com/provingground/provingground/loadtest/faults/proxy"
)

const readyForQuery = 'Z'

// Answer implements proxy.Session. It returns as many messages at once as have
// arrived.
func (s *session) Answer(server *bufio.Reader, _ *proxy.Operation) (proxy.Answer, error) {
	kind, size, err := header(server)
	if err != nil {
		return proxy.Answer{}, err
	}
	if aside(kind) || size > server.Buffered() {
		rest := func(dst io.Writer) error { return proxy.CopyN(dst, server, int64(size)) }
		return proxy.Answer{Message: proxy.Message{Rest: rest}, Last: kind == readyForQuery, Aside: aside(kind)}, nil
	}
	arrived, err := server.Peek(server.Buffered())
	if err != nil {
		return proxy.Answer{}, err
	}
	whole, last := together(arrived)
	_, err = server.Discard(whole)
	return proxy.Answer{Message: proxy.Message{Head: arrived[:whole]}, Last: last}, err
}

// together returns the size of the whole messages of one operation at the front
// of b, and whether they end it.
func together(b []byte) (size int, last bool) {
	for len(b)-size >= 5 {
		m := b[size:]
		n := 1 + (int(m[1])<<24 | int(m[2])<<16 | int(m[3])<<8 | int(m[4]))
		if aside(m[0]) || n < 5 || n > len(m) {
			break
		}
		size += n
		if m[0] == readyForQuery {
			return size, true
		}
	}
	return size, false
}

// aside reports whether the server sends a kind of message at any time: a
// notification, a notice, a changed setting.
func aside(kind byte) bool { return kind == 'A' || kind == 'N' || kind == 'S' }
