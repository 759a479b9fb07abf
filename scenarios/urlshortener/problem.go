package urlshortener

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/provingground/provingground/pkg/idempotency"
)

// problem is an error answer in the form of RFC 9457. The types below are the
// documented refusals: each says that nothing happened and nothing will.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

const problemBase = "https://provingground.dev/problems/"

// badRequest is a caller's mistake, told in words.
type badRequest struct {
	status int
	kind   string
	detail string
}

func (e *badRequest) Error() string { return e.detail }

func invalid(detail string) error {
	return &badRequest{status: http.StatusBadRequest, kind: "invalid-request", detail: detail}
}

// problemOf maps an error to its answer. 503 is a promise that nothing was
// attempted; what may or may not have happened is 504.
func problemOf(err error) problem {
	var bad *badRequest
	switch {
	case errors.As(err, &bad):
		return problem{"", http.StatusText(bad.status), bad.status, bad.detail}.of(bad.kind)
	case errors.Is(err, idempotency.ErrMalformed):
		return problem{"", "Malformed Idempotency-Key", http.StatusBadRequest, err.Error()}.of("malformed-idempotency-key")
	case errors.Is(err, ErrNotFound):
		return problem{"", "No such link", http.StatusNotFound, "It was never made, or is deleted or expired."}.of("no-such-link")
	case errors.Is(err, ErrForbidden):
		return problem{"", "Not your link", http.StatusForbidden, "The bearer token does not manage this link."}.of("not-your-link")
	case errors.Is(err, ErrAliasTaken):
		return problem{"", "Alias is taken", http.StatusConflict, "Choose another alias."}.of("alias-taken")
	case errors.Is(err, ErrKeyReused):
		return problem{"", "Idempotency-Key was used with another body", http.StatusUnprocessableEntity, "Make a new key for a new request."}.of("idempotency-key-reused")
	case errors.Is(err, ErrBusy):
		return problem{"", "Still running", http.StatusConflict, "Another attempt is running: repeat the request."}.of("still-running")
	case errors.Is(err, ErrUnavailable):
		return problem{"", "Not attempted", http.StatusServiceUnavailable, "Nothing was done: repeat the request."}.of("not-attempted")
	case errors.Is(err, context.DeadlineExceeded):
		return problem{"", "A store did not answer in time", http.StatusGatewayTimeout, "The outcome is unknown: repeat the request with the same key."}.of("unknown-outcome")
	}
	return problem{"", "Internal error", http.StatusInternalServerError, "The outcome is unknown: repeat the request with the same key."}.of("internal")
}

func (p problem) of(kind string) problem {
	p.Type = problemBase + kind
	return p
}

func writeProblem(w http.ResponseWriter, p problem) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusServiceUnavailable || p.Type == problemBase+"still-running" {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p) // the client is gone if this fails
}
