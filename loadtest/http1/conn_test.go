package http1_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/http1"
)

func TestAnswersAreReadByTheirFraming(t *testing.T) {
	for name, tc := range map[string]struct {
		answer, body string
		status       int
		closes       bool
	}{
		"content length":      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, false},
		"no reason":           {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "", 200, false},
		"chunks":              {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", "hello", 200, false},
		"trailers":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nX: 1\r\n\r\n", "0123456789", 200, false},
		"no content":          {"HTTP/1.1 204 No Content\r\n\r\n", "", 204, false},
		"not modified":        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", "", 304, false},
		"early hints skipped": {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", 200, false},
		"continue skipped":    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX: 1\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", "ok", 201, false},
		"connection close":    {"HTTP/1.1 503 Busy\r\nConnection: foo, Close\r\nContent-Length: 0\r\n\r\n", "", 503, true},
		"old protocol":        {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", 200, true},
		"old but kept":        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", "ok", 200, false},
		"unasked bytes":       {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200", "ok", 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			var resp http1.Response
			if err := dial(t, script(t, tc.answer)).Do(get, soon(), &resp); err != nil {
				t.Fatal(err)
			}
			if resp.Status != tc.status || string(resp.Body) != tc.body || resp.Close != tc.closes {
				t.Errorf("got %d %q close=%t, want %d %q close=%t",
					resp.Status, resp.Body, resp.Close, tc.status, tc.body, tc.closes)
			}
		})
	}
}

func TestOtherAnswersAreErrorsOfTheirKind(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, tc := range map[string]struct {
		answer string
		kind   http1.Kind
	}{
		"nothing":               {"", http1.NoAnswer},
		"half a status line":    {"HTTP/1.1 20", http1.Cut},
		"headers cut":           {ok + "Content-Le", http1.Cut},
		"body cut":              {ok + "Content-Length: 9\r\n\r\nhello", http1.Cut},
		"chunk cut":             {ok + "Transfer-Encoding: chunked\r\n\r\n9\r\nhello", http1.Cut},
		"last chunk missing":    {ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", http1.Cut},
		"another protocol":      {"SSH-2.0-OpenSSH_9.2\r\n", http1.Malformed},
		"status of letters":     {"HTTP/1.1 2x0 OK\r\n\r\n", http1.Malformed},
		"bare line feed":        {"HTTP/1.1 200 OK\nContent-Length: 0\n\n", http1.Malformed},
		"unframed body":         {ok + "\r\nhello", http1.Malformed},
		"two lengths":           {ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", http1.Malformed},
		"signed length":         {ok + "Content-Length: +1\r\n\r\nx", http1.Malformed},
		"length and chunks":     {ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", http1.Malformed},
		"unknown encoding":      {ok + "Transfer-Encoding: gzip\r\n\r\n", http1.Malformed},
		"chunks before 1.1":     {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", http1.Malformed},
		"bell in a header":      {ok + "X: \a\r\nContent-Length: 0\r\n\r\n", http1.Malformed},
		"trailer of no field":   {ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nhello\r\n\r\n", http1.Malformed},
		"folded header":         {ok + "X: 1\r\n y\r\nContent-Length: 0\r\n\r\n", http1.Malformed},
		"chunk without a size":  {ok + "Transfer-Encoding: chunked\r\n\r\n\r\n", http1.Malformed},
		"chunk over its size":   {ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n", http1.Malformed},
		"switch of protocols":   {"HTTP/1.1 101 Switching Protocols\r\n\r\n", http1.Malformed},
		"endless header":        {ok + "X: " + strings.Repeat("x", 20<<10), http1.TooLarge},
		"endless early hints":   {strings.Repeat("HTTP/1.1 103 Early\r\n\r\n", 1000), http1.TooLarge},
		"body over the limit":   {ok + "Content-Length: 101\r\n\r\n", http1.TooLarge},
		"chunks over the limit": {ok + "Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n", http1.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			var resp http1.Response
			conn := dialWith(t, http1.Dialer{MaxBody: 100}, script(t, tc.answer))
			err := conn.Do(get, soon(), &resp)
			wantKind(t, err, tc.kind)
			wantKind(t, conn.Do(get, soon(), &resp), http1.Closed)
		})
	}
}

func wantKind(t *testing.T, err error, want http1.Kind) *http1.Error {
	t.Helper()
	e, ok := errors.AsType[*http1.Error](err)
	if !ok || e.Kind != want {
		t.Fatalf("got error %v, want kind %q", err, want)
	}
	return e
}

func TestAHeadAnswerHasNoBody(t *testing.T) {
	conn := dial(t, script(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 204 Gone\r\n\r\n"))
	var resp http1.Response
	head := []byte("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n")
	for _, want := range []int{200, 204} {
		if err := conn.Do(head, soon(), &resp); err != nil || resp.Status != want || len(resp.Body) > 0 {
			t.Fatalf("got %d %q %v, want %d", resp.Status, resp.Body, err, want)
		}
	}
}

func TestHeadersAreFoundWhateverTheirCapitals(t *testing.T) {
	conn := dial(t, script(t, "HTTP/1.1 302 Found\r\nlocation: \t https://a.test/ \r\nX-Empty:\r\nContent-Length: 0\r\n\r\n"))
	var resp http1.Response
	if err := conn.Do(get, soon(), &resp); err != nil {
		t.Fatal(err)
	}
	if got := string(resp.Header("Location")); got != "https://a.test/" {
		t.Errorf("Location = %q", got)
	}
	if got := resp.Header("x-empty"); got == nil || len(got) > 0 {
		t.Errorf("X-Empty = %q, want empty and present", got)
	}
	if got := resp.Header("Retry-After"); got != nil {
		t.Errorf("Retry-After = %q, want none", got)
	}
}

func TestALongChunkedAnswerArrivesWhole(t *testing.T) {
	want := strings.Repeat("provingground ", 50_000)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for part := range slices.Chunk([]byte(want), 777) {
			_, _ = w.Write(part)
			_ = http.NewResponseController(w).Flush()
		}
	}))
	t.Cleanup(srv.Close)
	conn := dial(t, srv.Listener.Addr().String())
	var resp http1.Response
	for range 3 {
		if err := conn.Do(get, soon(), &resp); err != nil {
			t.Fatal(err)
		}
		if string(resp.Body) != want {
			t.Fatalf("got %d bytes, want %d", len(resp.Body), len(want))
		}
	}
}

func TestADeadlineEndsARequestThatIsNotAnswered(t *testing.T) {
	silent := serve(t, func(c net.Conn) { _, _ = bufio.NewReader(c).Discard(len(get) + 1) })
	conn := dial(t, silent)
	var resp http1.Response
	err := conn.Do(get, time.Now().Add(20*time.Millisecond), &resp)
	wantKind(t, err, http1.Timeout)
	_ = conn.Close()
}

func TestAPastDeadlineSendsNothing(t *testing.T) {
	conn := dial(t, script(t, "HTTP/1.1 204 Late\r\n\r\n"))
	var resp http1.Response
	wantKind(t, conn.Do(get, time.Now().Add(-time.Second), &resp), http1.Timeout)
	_ = conn.Close()
}

func TestAnEndOnAReusedConnectionSaysSo(t *testing.T) {
	conn := dial(t, script(t, "HTTP/1.1 204 Fine\r\n\r\n"))
	var resp http1.Response
	if err := conn.Do(get, soon(), &resp); err != nil {
		t.Fatal(err)
	}
	if e := wantKind(t, conn.Do(get, soon(), &resp), http1.NoAnswer); !e.Reused {
		t.Error("the error does not say that the connection was reused")
	}
}

func TestAClosedPortIsRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	_, err = http1.Dial(t.Context(), l.Addr().String())
	wantKind(t, err, http1.Refused)
}

func TestAnEndedContextIsNoRefusal(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := http1.Dial(ctx, "127.0.0.1:1")
	wantKind(t, err, http1.Unreachable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error within", err)
	}
}
