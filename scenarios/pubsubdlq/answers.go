package pubsubdlq

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/provingground/provingground/pkg/deadletters"
	"github.com/provingground/provingground/pkg/idempotency"
	"github.com/provingground/provingground/pkg/problem"
	"github.com/provingground/provingground/pkg/pubsubproducer"
)

// errNoAccount says that there is no such account.
var errNoAccount = errors.New("no such account")

// problemOf maps an error to its answer. 503 is a promise that nothing was done;
// what may or may not have happened is 504.
func problemOf(err error) *problem.Problem {
	var p *problem.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, idempotency.ErrMalformed):
		return problem.New(http.StatusBadRequest, "malformed-idempotency-key", "Malformed Idempotency-Key", err.Error())
	case errors.Is(err, deadletters.ErrBadName), errors.Is(err, deadletters.ErrBadSelection):
		return problem.Invalid(err.Error())
	case errors.Is(err, deadletters.ErrNotFound):
		return problem.New(http.StatusNotFound, "not-found", "Not found", "There is no such letter or redrive.")
	case errors.Is(err, errNoAccount):
		return problem.New(http.StatusNotFound, "no-such-account", "No such account", "There is no account of this name.")
	case errors.Is(err, deadletters.ErrReused):
		return problem.New(http.StatusUnprocessableEntity, "name-reused", "The name was used for another redrive", "Make up a new name.")
	case errors.Is(err, ErrUnavailable), errors.Is(err, pubsubproducer.ErrNotAttempted):
		return problem.New(http.StatusServiceUnavailable, "not-attempted", "Not attempted", "Nothing was done: repeat the request.").After(1)
	}
	return problem.New(http.StatusGatewayTimeout, "unknown-outcome", "No answer in time", "The outcome is unknown: repeat the request with the same key or name.")
}

// answers writes them and counts them.
type answers struct {
	metrics *metrics
	log     *slog.Logger
}

func (a answers) fail(w http.ResponseWriter, request string, err error) {
	p := problemOf(err)
	a.metrics.answered(request, p.Status)
	if p.Status >= 500 && !errors.Is(err, context.Canceled) && !errors.Is(err, errShed) {
		a.log.Error("request failed", "request", request, "status", p.Status, "error", err)
	}
	p.Write(w)
}

func (a answers) ok(w http.ResponseWriter, request string, status int, body any) {
	a.metrics.answered(request, status)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // the client is gone if this fails
}

func (a answers) notAllowed(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		a.fail(w, "other", problem.New(http.StatusMethodNotAllowed, "method-not-allowed", http.StatusText(http.StatusMethodNotAllowed),
			r.Method+" is not for this path; use "+allow+"."))
	}
}
