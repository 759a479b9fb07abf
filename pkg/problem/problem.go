// Package problem answers a failed HTTP request in the form of RFC 9457, and
// reads small JSON bodies so that every mistake in one becomes such an answer.
//
// The types are the documented refusals of an API: with 503 nothing was
// attempted, with 504 the outcome is unknown.
package problem

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// Base is put before the kind of a problem to make its type. Change it to a
// page of yours.
const Base = "https://provingground.dev/problems/"

// ContentType is the media type of a problem.
const ContentType = "application/problem+json"

// A Problem is what a caller reads about a failed request. It is an error, so
// that whoever finds it can return it.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`

	// RetryAfter is the value of that header in seconds; 0 sends none.
	RetryAfter int `json:"-"`
}

// New returns a problem. Title says what kind it is and is the same each time;
// detail is about this request.
func New(status int, kind, title, detail string) *Problem {
	return &Problem{Type: Base + kind, Title: title, Status: status, Detail: detail}
}

// Invalid returns the problem of a malformed request: 400, invalid-request.
func Invalid(detail string) *Problem {
	return New(http.StatusBadRequest, "invalid-request", http.StatusText(http.StatusBadRequest), detail)
}

// After returns the problem with a Retry-After of that many seconds.
func (p Problem) After(seconds int) *Problem {
	p.RetryAfter = seconds
	return &p
}

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

// JSON returns the body of the answer.
func (p *Problem) JSON() []byte {
	raw, err := json.Marshal(p)
	if err != nil { // strings and an int: it cannot fail
		return nil
	}
	return append(raw, '\n')
}

// Write answers the request with the problem, never to be cached.
func (p *Problem) Write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Cache-Control", "no-store")
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	w.WriteHeader(p.Status)
	w.Write(p.JSON()) // the client is gone if this fails
}
