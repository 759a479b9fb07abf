package web

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/provingground/provingground/loadtest/faults/proxy"
)

// readHead appends everything up to the empty line. io.EOF means that nothing came.
func readHead(r *bufio.Reader, head []byte) ([]byte, error) {
	for {
		line, err := r.ReadSlice('\n')
		head = append(head, line...)
		switch {
		case len(head) > maxHead:
			return nil, malformed(fmt.Errorf("headers of more than %d bytes", maxHead))
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(head) > 0:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
		if bytes.HasSuffix(head, []byte("\r\n\r\n")) || bytes.HasSuffix(head, []byte("\n\n")) {
			return head, nil
		}
	}
}

// extend reads n bytes behind head.
func extend(r *bufio.Reader, head []byte, n int) ([]byte, error) {
	at := len(head)
	head = append(head, make([]byte, n)...)
	if _, err := io.ReadFull(r, head[at:]); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return head, nil
}

// rest returns what copies a body, framing included, or nil. A length of -1
// without chunks is a body that ends with the connection.
func rest(r *bufio.Reader, encoding []string, length int64) func(io.Writer) error {
	switch {
	case len(encoding) > 0: // net/http knows chunked only, and refuses others
		return func(dst io.Writer) error { return copyChunks(dst, r) }
	case length < 0:
		return func(dst io.Writer) error { _, err := r.WriteTo(dst); return err }
	case length == 0:
		return nil
	}
	return func(dst io.Writer) error { return proxy.CopyN(dst, r, length) }
}

func copyChunks(dst io.Writer, r *bufio.Reader) error {
	for {
		line, err := copyLine(dst, r)
		if err != nil {
			return err
		}
		digits, _, _ := bytes.Cut(line, []byte{';'})
		size, err := strconv.ParseInt(string(bytes.TrimSpace(digits)), 16, 63)
		if err != nil || size < 0 {
			return malformed(fmt.Errorf("chunk size %.20q", line))
		}
		if size == 0 {
			return copyTrailers(dst, r)
		}
		if err := proxy.CopyN(dst, r, size+2); err != nil {
			return err
		}
	}
}

func copyTrailers(dst io.Writer, r *bufio.Reader) error {
	for n := 0; n < maxHead; {
		line, err := copyLine(dst, r)
		if err != nil || len(bytes.TrimSpace(line)) == 0 {
			return err
		}
		n += len(line)
	}
	return malformed(fmt.Errorf("trailers of more than %d bytes", maxHead))
}

// copyLine is bounded by the buffer of r.
func copyLine(dst io.Writer, r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF):
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
	}
	_, err = dst.Write(line)
	return line, err
}

func malformed(err error) error { return fmt.Errorf("web: not HTTP/1.1: %w", err) }
