package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/iotest"
	"time"
)

// stream is a connection whose answer is a reader; it counts what was taken.
type stream struct {
	net.Conn
	r    io.Reader
	read int
}

func (c *stream) Write(p []byte) (int, error)   { return len(p), nil }
func (c *stream) SetDeadline(_ time.Time) error { return nil }
func (c *stream) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.read += n
	return n, err
}

// repeat never ends: only the limits of the parser do.
type repeat struct {
	data []byte
	pos  int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := copy(p, r.data[r.pos:])
	r.pos = (r.pos + n) % len(r.data)
	return n, nil
}

// FuzzAnswer feeds the parser an endless repetition of its input, whole and byte
// by byte: it may not panic, read without bound, or depend on how bytes arrive.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.0 304 Not Modified\r\nConnection: keep-alive, close\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"1\r\nx\r\n",
		"\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		whole, wholeErr := readFuzzed(t, &repeat{data: data})
		single, singleErr := readFuzzed(t, iotest.OneByteReader(&repeat{data: data}))
		if kindOf(wholeErr) != kindOf(singleErr) || whole.Status != single.Status || string(whole.Body) != string(single.Body) {
			t.Errorf("whole: %d %q %v, byte by byte: %d %q %v",
				whole.Status, whole.Body, wholeErr, single.Status, single.Body, singleErr)
		}
	})
}

func readFuzzed(t *testing.T, r io.Reader) (Response, error) {
	t.Helper()
	const maxBody = 1000
	nc := &stream{r: r}
	conn := Dialer{MaxBody: maxBody}.conn(nc, "fuzz")
	var resp Response
	err := conn.Do([]byte("GET"), time.Time{}, &resp)
	// Headers, trailers, framing, body and what one read takes beyond them.
	if limit := 4*maxHeader + 17*maxBody + 2*len(conn.buf); nc.read > limit {
		t.Errorf("read %d bytes, limit %d", nc.read, limit)
	}
	if len(resp.Body) > maxBody {
		t.Errorf("body of %d bytes", len(resp.Body))
	}
	return resp, err
}

func kindOf(err error) Kind {
	e, _ := errors.AsType[*Error](err)
	if e == nil {
		return 0
	}
	return e.Kind
}

// FuzzAgreement compares with net/http: an answer that this package accepts,
// net/http reads as the same status, body and end of the connection.
func FuzzAgreement(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive, x\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: /\r\nConnection: x, close\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		conn := Dialer{MaxBody: 1000}.conn(&stream{r: bytes.NewReader(data)}, "fuzz")
		var got Response
		if err := conn.Do([]byte("GET"), time.Time{}, &got); err != nil {
			return // net/http may be kinder
		}
		want, body, err := netHTTP(data)
		if err != nil {
			t.Fatalf("read %d with body %q, net/http says %v", got.Status, got.Body, err)
		}
		if want.StatusCode != got.Status || body != string(got.Body) || want.Close && !got.Close {
			t.Errorf("read %d %q close=%t, net/http %d %q close=%t",
				got.Status, got.Body, got.Close, want.StatusCode, body, want.Close)
		}
	})
}

// netHTTP reads the first answer that is final.
func netHTTP(data []byte) (*http.Response, string, error) {
	r := bufio.NewReader(bytes.NewReader(data))
	for {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return nil, "", err
		}
		body, err := io.ReadAll(resp.Body)
		if resp.StatusCode >= 200 || err != nil {
			return resp, string(body), err
		}
	}
}
