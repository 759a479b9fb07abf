//go:build unix

package lambda_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/lambda"
)

// page is what the function of the tests serves.
func page(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/panic":
		panic("it is broken")
	case "/hang":
		select {}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("X-PID", fmt.Sprint(os.Getpid()))
	w.Header().Add("Set-Cookie", "a=1")
	w.Header().Add("Set-Cookie", "b=2")
	w.WriteHeader(http.StatusTeapot)
	fmt.Fprintf(w, "%s %s %s %s ", r.Method, r.URL, r.Header.Get("X-Asked"), r.Header.Get("Cookie"))
	w.Write(body)
}

func serve(t *testing.T, f lambda.Function) *httptest.Server {
	t.Helper()
	f.Env = append(f.Env, "MODE=http")
	s := httptest.NewServer(lambda.Gateway(start(t, f)))
	t.Cleanup(s.Close)
	return s
}

func send(t *testing.T, s *httptest.Server, path, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Asked", "yes")
	req.AddCookie(&http.Cookie{Name: "c", Value: "3"})
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(got)
}

func TestARequestReachesTheFunctionAndItsAnswerComesBack(t *testing.T) {
	s := serve(t, lambda.Function{})
	for _, body := range []string{"text", "", "\xff\x00 bytes"} {
		resp, got := send(t, s, "/a%2Fb/c?x=1&x=2", body)
		if want := "POST /a%2Fb/c?x=1&x=2 yes c=3 " + body; got != want || resp.StatusCode != http.StatusTeapot {
			t.Errorf("answer %d %q, want 418 %q", resp.StatusCode, got, want)
		}
		if n := len(resp.Cookies()); n != 2 {
			t.Errorf("%d cookies, want 2", n)
		}
	}
}

func TestAFunctionThatFailsIs502AndOneThatTakesTooLong504(t *testing.T) {
	s := serve(t, lambda.Function{Timeout: 500 * time.Millisecond})
	if resp, _ := send(t, s, "/panic", ""); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("a panic is %s, want 502", resp.Status)
	}
	if resp, _ := send(t, s, "/hang", ""); resp.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("a request that hangs is %s, want 504", resp.Status)
	}
	if resp, _ := send(t, s, "/", strings.Repeat("x", 6<<20+1)); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body over 6 MB is %s, want 413", resp.Status)
	}
}

func TestBeyondTheConcurrencyARequestIsThrottled(t *testing.T) {
	f := lambda.Function{Concurrency: 1, Timeout: time.Minute, Env: []string{"MODE=http"}}
	h := start(t, f)
	s := httptest.NewServer(lambda.Gateway(h))
	t.Cleanup(s.Close)
	go http.Post(s.URL+"/hang", "", nil) // ends with the host
	eventually(t, "the environment is taken", func() bool { return h.Stats().Environments == 1 })
	resp, _ := send(t, s, "/", "")
	if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the second request is %s, want 429 with Retry-After", resp.Status)
	}
	h.Close()
}

func TestAnEnvironmentIsFrozenBetweenRequests(t *testing.T) {
	s := serve(t, lambda.Function{})
	resp, _ := send(t, s, "/", "")
	pid := resp.Header.Get("X-PID")
	eventually(t, "the process is stopped", func() bool {
		raw, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			t.Fatal(err)
		}
		_, state, _ := strings.Cut(string(raw), ") ")
		return strings.HasPrefix(state, "T")
	})
	if resp, _ := send(t, s, "/", ""); resp.Header.Get("X-PID") != pid {
		t.Errorf("process %s answers after it, want %s again", resp.Header.Get("X-PID"), pid)
	}
}
