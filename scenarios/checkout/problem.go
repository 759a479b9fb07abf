package checkout

import (
	"errors"
	"net/http"

	"github.com/provingground/provingground/pkg/idempotency"
	"github.com/provingground/provingground/pkg/problem"
)

// problemOf maps an error to its answer. 503 is a promise that nothing was done;
// what may or may not have happened is 504.
func problemOf(err error) *problem.Problem {
	var p *problem.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, idempotency.ErrMalformed):
		return problem.New(http.StatusBadRequest, "malformed-idempotency-key", "Malformed Idempotency-Key", err.Error())
	case errors.Is(err, ErrNotFound):
		return problem.New(http.StatusNotFound, "no-such-order", "No such order", "It was never placed, or it waits in the queue.")
	case errors.Is(err, ErrUnknownProduct):
		return problem.New(http.StatusUnprocessableEntity, "unknown-product", "Unknown product", "A product of the cart is unknown or withdrawn. Nothing was ordered.")
	case errors.Is(err, ErrOutOfStock):
		return problem.New(http.StatusConflict, "out-of-stock", "Out of stock", "There is not enough of a product. Nothing was ordered.")
	case errors.Is(err, ErrReused):
		return problem.New(http.StatusUnprocessableEntity, "idempotency-key-reused", "Idempotency-Key was used with another cart", "Make a new key for a new cart.")
	case errors.Is(err, ErrUnavailable):
		return problem.New(http.StatusServiceUnavailable, "not-attempted", "Not attempted", "Nothing was done: repeat the request.").After(1)
	}
	return problem.New(http.StatusGatewayTimeout, "unknown-outcome", "The database did not answer in time", "The outcome is unknown: repeat the request with the same key.")
}
