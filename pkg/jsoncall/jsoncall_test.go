package jsoncall_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/jsoncall"
)

func print(t *testing.T, c jsoncall.Call, answer http.HandlerFunc) (string, error) {
	t.Helper()
	s := httptest.NewServer(answer)
	defer s.Close()
	base, err := url.Parse(s.URL + "/desk")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = c.Print(t.Context(), base, "secret", &out)
	return out.String(), err
}

func TestACallIsMadeAndItsAnswerPrinted(t *testing.T) {
	call := jsoncall.Call{Method: http.MethodPut, Path: "/api/letters/a%2Fb", Query: url.Values{"why": {"a b"}}, Body: map[string]int{"n": 1}}
	out, err := print(t, call, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got := fmt.Sprint(r.Method, " ", r.URL.EscapedPath(), " ", r.URL.RawQuery, " ", r.Header.Get("Authorization"), " ", string(body))
		if want := `PUT /desk/api/letters/a%2Fb why=a+b Bearer secret {"n":1}`; got != want {
			t.Errorf("asked %s, want %s", got, want)
		}
		fmt.Fprint(w, `{"sent":[1]}`)
	})
	if want := "{\n  \"sent\": [\n    1\n  ]\n}"; err != nil || out != want {
		t.Errorf("printed %q, %v, want %q", out, err, want)
	}
}

func TestWhatIsNoAnswerIsAnError(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
		says   string
	}{
		"a refusal":   {http.StatusConflict, `{"title":"the letter is not open"}` + "\n", `409 Conflict: {"title":"the letter is not open"}`},
		"not JSON":    {http.StatusOK, "<html>", "no JSON"},
		"half of one": {http.StatusOK, `{"sent":`, "no JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := print(t, jsoncall.Call{Method: http.MethodGet, Path: "/"}, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			})
			if err == nil || !strings.Contains(err.Error(), tt.says) || out != "" {
				t.Errorf("printed %q and said %v, want an error with %q", out, err, tt.says)
			}
		})
	}
}
