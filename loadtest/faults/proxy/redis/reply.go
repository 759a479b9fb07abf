package redis

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/provingground/provingground/loadtest/faults/proxy"
)

// maxDepth bounds replies in replies; Redis itself nests a handful.
const maxDepth = 64

// Answer implements proxy.Session.
func (s *session) Answer(server *bufio.Reader, _ *proxy.Operation) (proxy.Answer, error) {
	first, err := server.Peek(1)
	if err != nil {
		return proxy.Answer{}, err
	}
	push := first[0] == '>' // belongs to no command
	m := proxy.Message{Rest: func(dst io.Writer) error { return copyReply(dst, server, 0) }}
	return proxy.Answer{Message: m, Last: !push, Aside: push}, nil
}

// copyReply copies one reply of whatever kind.
func copyReply(dst io.Writer, src *bufio.Reader, depth int) error {
	if depth > maxDepth {
		return errors.New("redis: replies in replies in replies")
	}
	line, err := readLine(src)
	if err != nil {
		return err
	}
	kind := line[0]
	elements, bulk, err := follows(line)
	if err != nil {
		return err
	}
	if _, err := dst.Write(line); err != nil {
		return err
	}
	if bulk > 0 {
		return proxy.CopyN(dst, src, bulk)
	}
	for range elements {
		if err := copyReply(dst, src, depth+1); err != nil {
			return err
		}
	}
	if kind == '|' { // attributes stand before the reply
		return copyReply(dst, src, depth+1)
	}
	return nil
}

// follows returns how many replies, or how many bytes, a line announces.
func follows(line []byte) (elements, bulk int64, err error) {
	switch line[0] {
	case '+', '-', ':', '_', '#', ',', '(':
		return 0, 0, nil
	case '$', '=', '!', '*', '~', '>', '%', '|':
	default:
		return 0, 0, fmt.Errorf("redis: reply %.20q", line)
	}
	n, err := length(line)
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("redis: length %.20q", line)
	case n < 0: // null
		return 0, 0, nil
	}
	switch line[0] {
	case '$', '=', '!':
		return 0, n + 2, nil
	case '%', '|':
		return 2 * n, 0, nil
	}
	return n, 0, nil
}

// readLine is bounded by the buffer of r and returns at least one byte.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return nil, cutOff(err)
	}
	return line, nil
}

// cutOff is the end of a connection inside a message.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
