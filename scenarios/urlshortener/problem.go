package urlshortener

import (
	"context"
	"errors"
	"net/http"

	"github.com/provingground/provingground/pkg/idempotency"
	"github.com/provingground/provingground/pkg/problem"
)

// problemOf maps an error to its answer. The types below are the documented
// refusals: each says that nothing happened and nothing will. 503 is a promise
// that nothing was attempted; what may or may not have happened is 504.
func problemOf(err error) *problem.Problem {
	var p *problem.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, idempotency.ErrMalformed):
		return problem.New(http.StatusBadRequest, "malformed-idempotency-key", "Malformed Idempotency-Key", err.Error())
	case errors.Is(err, ErrNotFound):
		return problem.New(http.StatusNotFound, "no-such-link", "No such link", "It was never made, or is deleted or expired.")
	case errors.Is(err, ErrForbidden):
		return problem.New(http.StatusForbidden, "not-your-link", "Not your link", "The bearer token does not manage this link.")
	case errors.Is(err, ErrAliasTaken):
		return problem.New(http.StatusConflict, "alias-taken", "Alias is taken", "Choose another alias.")
	case errors.Is(err, ErrKeyReused):
		return problem.New(http.StatusUnprocessableEntity, "idempotency-key-reused", "Idempotency-Key was used with another body", "Make a new key for a new request.")
	case errors.Is(err, ErrBusy):
		return problem.New(http.StatusConflict, "still-running", "Still running", "Another attempt is running: repeat the request.").After(1)
	case errors.Is(err, ErrUnavailable):
		return problem.New(http.StatusServiceUnavailable, "not-attempted", "Not attempted", "Nothing was done: repeat the request.").After(1)
	case errors.Is(err, context.DeadlineExceeded):
		return problem.New(http.StatusGatewayTimeout, "unknown-outcome", "A store did not answer in time", "The outcome is unknown: repeat the request with the same key.")
	}
	return problem.New(http.StatusInternalServerError, "internal", "Internal error", "The outcome is unknown: repeat the request with the same key.")
}

// unauthorized is the answer to a request without its bearer token.
func unauthorized(detail string) error {
	return problem.New(http.StatusUnauthorized, "token-required", http.StatusText(http.StatusUnauthorized), detail)
}
