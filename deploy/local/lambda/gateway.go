//go:build unix

package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// Gateway returns a handler that makes each request an invocation of the host's
// function, with the payload of format 2.0 that an HTTP API of API Gateway and a
// function URL send (read: "Invoking Lambda function URLs", 2026-11-28).
//
// A throttled request is answered with 429 as a function URL does: nothing was
// attempted. A function that failed is 502, one that took too long 504: nobody
// knows what it has done. Who leaves does not end the function.
func Gateway(h *Host) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		payload, err := requestEvent(w, r)
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			refuse(w, http.StatusRequestEntityTooLarge, "Request Too Long")
			return
		case err != nil:
			refuse(w, http.StatusBadRequest, "Bad Request")
			return
		}
		answer, err := h.Invoke(context.WithoutCancel(r.Context()), payload)
		if err != nil {
			refuseFailed(w, err)
			return
		}
		respond(w, answer)
	})
}

// requestEvent is the payload. Values of a header that comes several times are
// joined with commas; the body is base64 unless it is text.
func requestEvent(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	event := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "$default", RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery,
		Headers: map[string]string{"host": r.Host}, Body: string(body),
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: "$default", Stage: "$default", AccountID: "000000000000", DomainName: r.Host,
			Time: now.UTC().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: host(r.RemoteAddr), UserAgent: r.UserAgent(),
			},
		},
	}
	for name, values := range r.Header {
		if name == "Cookie" {
			event.Cookies = strings.Split(strings.Join(values, "; "), "; ")
			continue
		}
		event.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	if !utf8.Valid(body) {
		event.Body, event.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return json.Marshal(event)
}

func host(addr string) string {
	h, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return h
}

// respond sends what the function said; an answer that is none is its failure.
func respond(w http.ResponseWriter, raw []byte) {
	var answer events.APIGatewayV2HTTPResponse
	err := json.Unmarshal(raw, &answer)
	body := []byte(answer.Body)
	if err == nil && answer.IsBase64Encoded {
		body, err = base64.StdEncoding.DecodeString(answer.Body)
	}
	if err != nil || answer.StatusCode < 200 || answer.StatusCode > 599 {
		refuse(w, http.StatusBadGateway, "Internal Server Error")
		return
	}
	h := w.Header()
	for name, value := range answer.Headers {
		h.Set(name, value)
	}
	for name, values := range answer.MultiValueHeaders {
		h[http.CanonicalHeaderKey(name)] = values
	}
	for _, cookie := range answer.Cookies {
		h.Add("Set-Cookie", cookie)
	}
	w.WriteHeader(answer.StatusCode)
	w.Write(body) // the client is gone if this fails
}

func refuseFailed(w http.ResponseWriter, err error) {
	var failed *FunctionError
	switch {
	case errors.Is(err, ErrThrottled):
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, "Rate Exceeded.")
	case errors.As(err, &failed) && failed.Type == "Sandbox.Timedout":
		refuse(w, http.StatusGatewayTimeout, "Endpoint request timed out")
	default:
		refuse(w, http.StatusBadGateway, "Internal Server Error")
	}
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, "{\"message\":%q}\n", message)
}
