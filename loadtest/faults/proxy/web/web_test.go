package web_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/proxytest"
	"github.com/provingground/provingground/loadtest/faults/proxy/web"
)

func byPath(r *http.Request, body []byte) string {
	return r.Method + " " + strings.ReplaceAll(r.URL.Path, "/", "") + string(body)
}

const requests = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n" +
	"POST /b HTTP/1.1\r\nhost: x\r\nX-odd:  kept \r\nContent-Length: 3\r\n\r\nabc" +
	"PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n0\r\nTrailer: t\r\n\r\n" +
	"HEAD /d HTTP/1.1\r\nHost: x\r\n\r\n"

func TestRequestsAreCutAndUnchanged(t *testing.T) {
	got := proxytest.Requests(t, web.Protocol(byPath)(), []byte(requests))
	if want := []string{"GET a", "POST babc", "PUT c", "HEAD d"}; !slices.Equal(got, want) {
		t.Errorf("operations %q, want %q", got, want)
	}
}

func TestAnswersAreCutByTheirRequests(t *testing.T) {
	sent := "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc" +
		"HTTP/1.1 204 No Content\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
		"HTTP/1.0 200 OK\r\n\r\nuntil the end"
	if got := proxytest.Answers(t, web.Protocol(byPath)(), &proxy.Operation{Note: http.MethodGet}, []byte(sent)); got != 4 {
		t.Errorf("%d answers ended, want 4", got)
	}
	sent = strings.Repeat("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 2)
	if got := proxytest.Answers(t, web.Protocol(byPath)(), &proxy.Operation{Note: http.MethodHead}, []byte(sent)); got != 2 {
		t.Errorf("%d answers to HEAD ended, want 2", got)
	}
}

func TestWhatIsNotHTTPEndsTheConnection(t *testing.T) {
	for _, sent := range []string{
		"hello\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nLong: " + strings.Repeat("x", 100_000) + "\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
	} {
		session := web.Protocol(byPath)()
		if req, err := session.Request(bufio.NewReader(strings.NewReader(sent))); err == nil {
			t.Errorf("%.40q was taken for %q", sent, req.Operation.Name)
		}
	}
}

func TestAStreamArrivesWhileItIsSent(t *testing.T) {
	more := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		<-more // the client has read the first part
		_, _ = io.WriteString(w, "second")
	}))
	defer server.Close()
	p := proxytest.Start(t, server.Listener.Addr().String(), web.Protocol(byPath))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.Addr()+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "first" {
		t.Fatalf("read %q, %v", first, err)
	}
	close(more)
	if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "second" {
		t.Errorf("then %q, %v", rest, err)
	}
}

func FuzzRequests(f *testing.F) {
	f.Add([]byte(requests))
	f.Fuzz(func(t *testing.T, sent []byte) {
		name := func(*http.Request, []byte) string { return "any" }
		proxytest.Requests(t, web.Protocol(name)(), sent)
	})
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		proxytest.Answers(t, web.Protocol(nil)(), nil, sent)
	})
}
