package leaderboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/provingground/provingground/pkg/idempotency"
	"github.com/provingground/provingground/pkg/problem"
)

// problemOf maps an error to its answer. 503 is a promise that nothing was
// attempted; what may or may not have happened is 504.
func problemOf(err error) *problem.Problem {
	var p *problem.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, idempotency.ErrMalformed):
		return problem.New(http.StatusBadRequest, "malformed-idempotency-key", "Malformed Idempotency-Key", err.Error())
	case errors.Is(err, ErrNotFound):
		return problem.New(http.StatusNotFound, "no-such-player", "No such player", "The player has no score on this board, or one that is younger than a second.")
	case errors.Is(err, ErrKeyReused):
		return problem.New(http.StatusUnprocessableEntity, "idempotency-key-reused", "Idempotency-Key was used with another body", "Make a new key for a new request.")
	case errors.Is(err, ErrFull):
		return problem.New(http.StatusConflict, "board-full", "The board is full", "It has accepted as many improvements as it can order: begin a new season.")
	case errors.Is(err, ErrUnknown), errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrUnavailable):
		return problem.New(http.StatusGatewayTimeout, "unknown-outcome", "The store did not answer in time", "The outcome is unknown: repeat the request with the same key.")
	case errors.Is(err, ErrUnavailable):
		return problem.New(http.StatusServiceUnavailable, "not-attempted", "Not attempted", "Nothing was done: repeat the request.").After(1)
	}
	return problem.New(http.StatusInternalServerError, "internal", "Internal error", "The outcome is unknown: repeat the request with the same key.")
}

// noSuchPage is the answer to a page outside of the range.
func noSuchPage() error {
	return problem.New(http.StatusNotFound, "no-such-page", "No such page", fmt.Sprintf("Pages are numbered from 1 to %d.", Pages))
}

func notAllowed(method, allow string) error {
	return problem.New(http.StatusMethodNotAllowed, "method-not-allowed", http.StatusText(http.StatusMethodNotAllowed),
		method+" is not for this path; use "+allow+".")
}
