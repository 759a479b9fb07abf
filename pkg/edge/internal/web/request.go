// Package web turns the host's requests and responses into those of net/http and
// back.
package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/provingground/provingground/pkg/edge/internal/host"
)

// maxMemory bounds a body of unknown length that is sent from memory.
const maxMemory = 16 << 20

// request makes an http.Request of [method, url, header pairs, body]: the body itself
// where it is small, else whether there is one.
func request(ctx context.Context, args []any) (*http.Request, error) {
	if len(args) < 4 {
		return nil, errors.New("edge: a request from the host is cut short")
	}
	method, _ := args[0].(string)
	raw, _ := args[1].(string)
	u, uri, err := address(raw)
	if err != nil {
		return nil, err
	}
	r := &http.Request{
		Method: method, URL: u, Host: u.Host, RequestURI: uri,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header(args[2]), Body: http.NoBody,
	}
	switch body := args[3].(type) {
	case []byte:
		r.ContentLength = int64(len(body))
		r.Body = io.NopCloser(bytes.NewReader(body))
	case bool:
		if body {
			r.ContentLength = length(r.Header)
			r.Body = NewBody(ctx, 0, r.ContentLength)
		}
	}
	r.RemoteAddr = r.Header.Get("Cf-Connecting-Ip")
	return r.WithContext(ctx), nil
}

// address parses an absolute address that the platform has parsed already: its path
// alone is not known to be well formed.
func address(raw string) (u *url.URL, uri string, err error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	at := strings.IndexByte(rest, '/')
	if !ok || at < 0 || strings.ContainsRune(rest[:at], '@') {
		u, err = url.Parse(raw)
		if err != nil {
			return nil, "", err
		}
		return u, u.RequestURI(), nil
	}
	uri, fragment, _ := strings.Cut(rest[at:], "#")
	u, err = url.ParseRequestURI(uri)
	if err != nil {
		return nil, "", err
	}
	u.Scheme, u.Host, u.Fragment = scheme, rest[:at], fragment
	return u, uri, nil
}

// header reads name, value, name, value.
func header(v any) http.Header {
	pairs, _ := v.([]string)
	h := make(http.Header, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		name := http.CanonicalHeaderKey(pairs[i])
		if old, ok := h[name]; ok {
			h[name] = append(old, pairs[i+1])
			continue
		}
		h[name] = pairs[i+1 : i+2 : i+2]
	}
	return h
}

// Pairs flattens a header: name, value, name, value.
func Pairs(h http.Header) []string {
	out := make([]string, 0, 2*len(h))
	for k, values := range h {
		for _, v := range values {
			out = append(out, k, v)
		}
	}
	return out
}

func length(h http.Header) int64 {
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// Response makes an http.Response of what the host describes: [status, header
// pairs, body handle or bytes].
func Response(ctx context.Context, v any, r *http.Request) (*http.Response, error) {
	parts, _ := v.([]any)
	if len(parts) < 3 {
		return nil, fmt.Errorf("edge: the host answered %v instead of a response", v)
	}
	resp := &http.Response{
		StatusCode: Int(parts[0]), Header: header(parts[1]), Body: http.NoBody, Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	resp.Status = fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	switch body := parts[2].(type) {
	case int64:
		resp.ContentLength = length(resp.Header)
		resp.Body = NewBody(ctx, int(body), resp.ContentLength)
	case []byte:
		resp.ContentLength = int64(len(body))
		resp.Body = io.NopCloser(bytes.NewReader(body))
	}
	return resp, nil
}

// Outgoing returns a request as the host's operations take it: method, url,
// header pairs, body.
func Outgoing(r *http.Request) ([]any, error) {
	body, err := Content(r.Context(), r.Body, r.ContentLength)
	if err != nil {
		return nil, err
	}
	return []any{r.Method, r.URL.String(), Pairs(r.Header), body}, nil
}

// Content returns what the host is to send: nil, a handle, or bytes. A reader that
// is not a stream of the host is read into memory, 16 MiB at most.
func Content(_ context.Context, r io.Reader, size int64) (any, error) {
	if r == nil || r == http.NoBody {
		return nil, nil
	}
	if handle, _, ok := Passable(r); ok {
		return handle, nil
	}
	if size > maxMemory {
		return nil, fmt.Errorf("edge: a body of %d bytes, %d at most", size, maxMemory)
	}
	b, err := io.ReadAll(io.LimitReader(r, maxMemory+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxMemory {
		return nil, fmt.Errorf("edge: a body of more than %d bytes", maxMemory)
	}
	return bytes.Clone(b), nil
}

// Call sends a request with one of the host's operations and returns the answer.
func Call(r *http.Request, op string, args ...any) (*http.Response, error) {
	out, err := Outgoing(r)
	if err != nil {
		return nil, err
	}
	v, err := host.Call(r.Context(), op, append(args, out...)...)
	if err != nil || v == nil {
		return nil, err
	}
	return Response(r.Context(), v, r)
}
