package lambdahttp_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/provingground/provingground/pkg/lambdahttp"
)

func event(method, path, query, body string) events.APIGatewayV2HTTPRequest {
	e := events.APIGatewayV2HTTPRequest{RawPath: path, RawQueryString: query, Body: body, Headers: map[string]string{"host": "shop.example", "x-many": "a,b"}, Cookies: []string{"a=1", "b=2"}}
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.SourceIP = method, "192.0.2.1"
	return e
}

func TestTheHandlerSeesTheRequest(t *testing.T) {
	e := event("PUT", "/a%2Fb", "q=1", "")
	e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte{0xff, 0}), true
	out, err := lambdahttp.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		cookie, err := r.Cookie("b")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(w, "%s %s %s %s %s %s %x", r.Method, r.URL, r.Host, r.RemoteAddr, r.Header.Get("X-Many"), cookie.Value, body)
	}))(t.Context(), e)
	if want := "PUT /a%2Fb?q=1 shop.example 192.0.2.1 a,b 2 ff00"; err != nil || out.Body != want {
		t.Errorf("handler saw %q, %v; want %q", out.Body, err, want)
	}
}

func TestTheAnswerIsWhatTheHandlerWrote(t *testing.T) {
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		status  int
		body    string
		encoded bool
	}{
		{"nothing", func(http.ResponseWriter, *http.Request) {}, 200, "", false},
		{"text", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }, 200, "hello", false},
		{"bytes", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte{0xff}) }, 200, "/w==", true},
		{"the first status counts", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); w.WriteHeader(200) }, 404, "", false},
		{"an interim status does not", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(201) }, 201, "", false},
		{"a header after the status is lost", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); w.Header().Set("X-Late", "1") }, 200, "", false},
	} {
		out, err := lambdahttp.Wrap(tt.handler)(t.Context(), event("GET", "/", "", ""))
		if err != nil || out.StatusCode != tt.status || out.Body != tt.body || out.IsBase64Encoded != tt.encoded || out.Headers["X-Late"] != "" {
			t.Errorf("%s: %+v, %v; want %d %q", tt.name, out, err, tt.status, tt.body)
		}
	}
}

func TestCookiesAreKeptApartAndOtherValuesJoined(t *testing.T) {
	out, err := lambdahttp.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Set-Cookie"] = []string{"a=1", "b=2"}
		w.Header()["Vary"] = []string{"Accept", "Origin"}
	}))(t.Context(), event("GET", "/", "", ""))
	if err != nil || len(out.Cookies) != 2 || out.Headers["Vary"] != "Accept,Origin" {
		t.Errorf("answer %+v, %v", out, err)
	}
}

func TestAPayloadThatIsNoRequestIsAnError(t *testing.T) {
	bad := event("GET", "/", "", "not base64")
	bad.IsBase64Encoded = true
	for _, e := range []events.APIGatewayV2HTTPRequest{bad, event("GET", "", "", ""), event("GET", "http://other.example/", "", ""), event("G T", "/", "", "")} {
		if _, err := lambdahttp.Request(context.Background(), e); err == nil {
			t.Errorf("%q %q is a request", e.RequestContext.HTTP.Method, e.RawPath)
		}
	}
}
