package http1_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/provingground/provingground/loadtest/http1"
)

func TestARequestIsReadBackAsItWasBuilt(t *testing.T) {
	b, err := http1.NewRequest("POST", "/v1/links?x=1", "api.test:8080", []byte(`{"a":1}`),
		http1.Field{Name: "Idempotency-Key", Value: "k-1"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.Method != "POST" || r.RequestURI != "/v1/links?x=1" || r.Host != "api.test:8080" ||
		r.Header.Get("Idempotency-Key") != "k-1" || string(body) != `{"a":1}` {
		t.Errorf("read back %v with body %q", r, body)
	}
}

func TestAPostWithoutABodySaysSo(t *testing.T) {
	b, err := http1.NewRequest("POST", "/", "a", nil)
	if err != nil || !bytes.Contains(b, []byte("\r\nContent-Length: 0\r\n")) {
		t.Errorf("got %q %v", b, err)
	}
}

func TestNothingCanEndItsLineInARequest(t *testing.T) {
	for name, tc := range map[string]struct {
		method, target, host string
		field                http1.Field
	}{
		"method":         {"GET /x\r\n", "/", "a", http1.Field{Name: "X", Value: "y"}},
		"empty method":   {"", "/", "a", http1.Field{Name: "X", Value: "y"}},
		"target":         {"GET", "/ HTTP/1.1\r\nX: y", "a", http1.Field{Name: "X", Value: "y"}},
		"space":          {"GET", "/a b", "a", http1.Field{Name: "X", Value: "y"}},
		"relative":       {"GET", "a", "a", http1.Field{Name: "X", Value: "y"}},
		"host":           {"GET", "/", "a\nb", http1.Field{Name: "X", Value: "y"}},
		"no host":        {"GET", "/", "", http1.Field{Name: "X", Value: "y"}},
		"header name":    {"GET", "/", "a", http1.Field{Name: "X:", Value: "y"}},
		"header value":   {"GET", "/", "a", http1.Field{Name: "X", Value: "y\r\nZ: 1"}},
		"carriage":       {"GET", "/", "a", http1.Field{Name: "X", Value: "y\r"}},
		"zero byte":      {"GET", "/", "a", http1.Field{Name: "X", Value: "\x00"}},
		"own host":       {"GET", "/", "a", http1.Field{Name: "host", Value: "b"}},
		"own length":     {"GET", "/", "a", http1.Field{Name: "Content-length", Value: "1"}},
		"other encoding": {"GET", "/", "a", http1.Field{Name: "transfer-encoding", Value: "chunked"}},
	} {
		t.Run(name, func(t *testing.T) {
			dst := []byte("before")
			got, err := http1.AppendRequest(dst, tc.method, tc.target, tc.host, nil, tc.field)
			if err == nil || string(got) != "before" {
				t.Errorf("AppendRequest(%q, %q, %q, %q) = %q, %v, want an error", tc.method, tc.target, tc.host, tc.field, got, err)
			}
		})
	}
}

func TestAppendingARequestDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 512)
	body := []byte("{}")
	allocs := testing.AllocsPerRun(100, func() {
		var err error
		buf, err = http1.AppendRequest(buf[:0], "POST", "/", "a", body, http1.Field{Name: "X", Value: "y"})
		if err != nil {
			t.Error(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}
