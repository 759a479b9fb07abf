package http1

import (
	"net"
	"testing"
	"time"
)

// tape is a connection that answers every request with the same bytes. It has
// no goroutine and allocates nothing, so that what is counted is the client.
type tape struct {
	net.Conn
	answer    []byte
	pos       int
	deadlines int
}

func (c *tape) Write(p []byte) (int, error)   { c.pos = 0; return len(p), nil }
func (c *tape) SetDeadline(_ time.Time) error { c.deadlines++; return nil }
func (c *tape) Close() error                  { return nil }
func (c *tape) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), 50)], c.answer[c.pos:])
	c.pos += n
	return n, nil
}

func TestAWarmConnectionDoesNotAllocate(t *testing.T) {
	request := []byte("GET /abc HTTP/1.1\r\nHost: test\r\n\r\n")
	for name, answer := range map[string]string{
		"length": "HTTP/1.1 302 Found\r\nLocation: https://example.test/\r\nContent-Length: 3\r\n\r\nabc",
		"chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"none":   "HTTP/1.1 204 No Content\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn := Dialer{}.conn(&tape{answer: []byte(answer)}, "tape")
			var resp Response
			allocs := testing.AllocsPerRun(1000, func() {
				err := conn.Do(request, time.Now().Add(time.Second), &resp)
				if err != nil || resp.Header("X-None") != nil {
					t.Errorf("%v", err)
				}
			})
			if allocs != 0 {
				t.Errorf("%v allocations per request, want 0", allocs)
			}
		})
	}
}

func TestTheSocketDeadlineIsSetSparsely(t *testing.T) {
	nc := &tape{answer: []byte("HTTP/1.1 204 No Content\r\n\r\n")}
	conn := Dialer{}.conn(nc, "tape")
	var resp Response
	do := func(timeout time.Duration) {
		t.Helper()
		if err := conn.Do([]byte("GET"), time.Now().Add(timeout), &resp); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		timeout time.Duration
		sets    int
		why     string
	}{
		{time.Hour, 1, "the first request"},
		{time.Hour, 1, "a second within the hour of slack"},
		{90 * time.Minute, 1, "a longer one, still covered"},
		{time.Minute, 2, "a short one that the old deadline would keep too long"},
		{time.Hour, 3, "a long one that the old deadline would cut"},
	} {
		do(step.timeout)
		if nc.deadlines != step.sets {
			t.Errorf("%s: deadline set %d times, want %d", step.why, nc.deadlines, step.sets)
		}
	}
}
