package leaderboard

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/provingground/provingground/pkg/problem"
)

// FuzzRequests sends bytes to the public listener, with a board in memory and no
// stores behind. Whatever comes back is an HTTP response, and every error is a
// problem.
func FuzzRequests(f *testing.F) {
	for _, seed := range []string{
		"GET /api/pages/1 HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"a\", W/\"b\r\nAccept-Encoding: gzip;q=0\r\n\r\n",
		"GET /api/pages/99 HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /api/players/ann HTTP/1.1\r\nHost: x\r\n\r\n",
		"HEAD /api/players/%2e%2e/%00 HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /api/scores HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 42\r\n\r\n{\"player\":\"ann\",\"name\":\"Ann\",\"score\":1e3}  ",
		"POST /api/scores HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n0\r\n\r\n",
		"PUT /api/scores HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"\x16\x03\x01",
	} {
		f.Add([]byte(seed))
	}
	server := boardInMemory().server()
	l := fasthttputil.NewInmemoryListener()
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	f.Cleanup(func() {
		l.Close()
		if err := <-served; err != nil {
			f.Error(err)
		}
	})
	f.Fuzz(func(t *testing.T, request []byte) {
		conn, err := l.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		exchange(t, conn, request)
	})
}

// exchange sends a request and reads all responses to it.
func exchange(t *testing.T, conn net.Conn, request []byte) {
	t.Helper()
	go func() {
		conn.Write(append(request, "\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"...)) // it may refuse to read on
	}()
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	method := http.MethodGet
	if bytes.HasPrefix(request, []byte("HEAD ")) {
		method = http.MethodHead
	}
	r := bufio.NewReader(conn)
	if _, err := r.Peek(1); err != nil {
		return // refused without an answer, or still waiting for a body's rest
	}
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("request %q: answer is not HTTP: %v", request, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("request %q: body: %v", request, err)
	}
	if resp.StatusCode < 400 || len(body) == 0 {
		return
	}
	var p problem.Problem
	if err := json.Unmarshal(body, &p); err != nil || p.Status != resp.StatusCode || p.Type == "" {
		t.Errorf("request %q: %d with %q, want a problem", request, resp.StatusCode, body)
	}
}

// boardInMemory is a listener over an edition of three players. Its committer
// refuses everything, because nobody takes from a queue without room.
func boardInMemory() *API {
	m := newMetrics()
	log := slog.New(slog.DiscardHandler)
	b := newBoard(nil, m, log)
	b.now = func() time.Time { return b.started }
	b.publish(3, []Entry{{1, "ann", "Ann", 30}, {2, "bob", "Bob", 20}, {3, "cid", "Cid", 10}}, nil)
	return &API{
		admit:   newAdmission(1e9),
		service: &Service{committer: &committer{metrics: m}, board: b, around: &around{}},
		metrics: m, log: log,
	}
}

func BenchmarkPage(b *testing.B) {
	a := boardInMemory()
	for _, bench := range []struct{ name, header, value string }{
		{"plain", "Accept-Encoding", "identity"},
		{"gzip", "Accept-Encoding", "gzip, br"},
		{"same", "If-None-Match", string(a.service.board.edition().pages[0].plain.etag)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			ctx := newRequest("/api/pages/1", bench.header, bench.value)
			b.ReportAllocs()
			for b.Loop() {
				ctx.Response.Reset()
				a.handle(ctx)
			}
		})
	}
}

func TestAPageCostsNoAllocation(t *testing.T) {
	a := boardInMemory()
	ctx := newRequest("/api/pages/1", "Accept-Encoding", "gzip")
	if n := testing.AllocsPerRun(1000, func() {
		ctx.Response.Reset()
		a.handle(ctx)
	}); n != 0 {
		t.Errorf("a page costs %v allocations, want none", n)
	}
	if ctx.Response.StatusCode() != http.StatusOK || len(ctx.Response.Body()) == 0 {
		t.Errorf("page: %d", ctx.Response.StatusCode())
	}
}

func TestWhatIsNotAdmittedIsRefusedAtOnceAndHealthIsAlwaysAnswered(t *testing.T) {
	a := boardInMemory()
	a.admit = newAdmission(1e-6)
	a.SetReady(true)
	for _, tt := range []struct {
		path string
		want int
	}{
		{"/api/pages/1", 200}, // the one that is admitted
		{"/api/pages/1", 503},
		{"/api/players/ann", 503},
		{"/api/scores", 503},
		{"/healthz", 200},
		{"/readyz", 200},
	} {
		ctx := newRequest(tt.path, "Accept", "*/*")
		a.handle(ctx)
		if got := ctx.Response.StatusCode(); got != tt.want {
			t.Errorf("GET %s: %d, want %d", tt.path, got, tt.want)
		}
		if retry := ctx.Response.Header.Peek("Retry-After"); (tt.want == 503) != (retry != nil) {
			t.Errorf("GET %s: %d with Retry-After %q", tt.path, tt.want, retry)
		}
	}
}

// TestAPageIsMarkedThoughNobodyRefreshes is a process that stood still, and
// answers before its refresher has looked.
func TestAPageIsMarkedThoughNobodyRefreshes(t *testing.T) {
	a := boardInMemory()
	b := a.service.board
	get := func() (body, age string) {
		ctx := newRequest("/api/pages/1", "Accept", "*/*")
		a.handle(ctx)
		return string(ctx.Response.Body()), string(ctx.Response.Header.Peek("Age"))
	}
	b.now = func() time.Time { return b.started.Add(freshFor) }
	if body, age := get(); age != "" || !strings.Contains(body, `"stale":false`) {
		t.Errorf("a fresh page: Age %q, %s", age, body)
	}
	b.now = func() time.Time { return b.started.Add(20 * time.Second) }
	if body, age := get(); age != "20" || !strings.Contains(body, `"stale":true`) {
		t.Errorf("after 20 s: Age %q, %s", age, body)
	}
}

func newRequest(path, header, value string) *fasthttp.RequestCtx {
	ctx := &fasthttp.RequestCtx{}
	ctx.Request.SetRequestURI(path)
	ctx.Request.Header.Set(header, value)
	return ctx
}
