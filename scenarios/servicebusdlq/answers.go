package servicebusdlq

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/provingground/provingground/pkg/idempotency"
	"github.com/provingground/provingground/pkg/problem"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/servicebusproducer"
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
	case errors.Is(err, errNoLetter):
		return problem.New(http.StatusNotFound, "not-found", "Not found", "There is no such letter or resubmission.")
	case errors.Is(err, errNameReused):
		return problem.New(http.StatusUnprocessableEntity, "name-reused", "The name was used for another resubmission", "Make up a new name.")
	case errors.Is(err, errNotOpen):
		return problem.New(http.StatusConflict, "not-open", "The letter is not open", "It is on its way, or settled: look at it again.")
	case errors.Is(err, errUnavailable), errors.Is(err, servicebusproducer.ErrNotAttempted):
		return problem.New(http.StatusServiceUnavailable, "not-attempted", "Not attempted", "Nothing was done: repeat the request.").After(1)
	}
	return problem.New(http.StatusGatewayTimeout, "unknown-outcome", "No answer in time", "The outcome is unknown: repeat the request with the same key or name.")
}

// answers writes them and counts them.
type answers struct {
	metrics *metrics
	log     *slog.Logger
}

// give answers with a body, or with the problem that err is.
func (a answers) give(w http.ResponseWriter, request string, status int, body any, err error) {
	if err != nil {
		a.fail(w, request, err)
		return
	}
	a.metrics.answered(request, status)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // the client is gone if this fails
}

func (a answers) fail(w http.ResponseWriter, request string, err error) {
	p := problemOf(err)
	a.metrics.answered(request, p.Status)
	if p.Status >= 500 && !errors.Is(err, errShed) && !errors.Is(err, context.Canceled) {
		a.log.Error("request failed", "request", request, "status", p.Status, "error", err)
	}
	p.Write(w)
}

func (a answers) notAllowed(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", allow)
		a.fail(w, "other", problem.New(http.StatusMethodNotAllowed, "method-not-allowed", http.StatusText(http.StatusMethodNotAllowed), "Use "+allow+"."))
	}
}

// nothing is the listener of a role that nobody calls.
func nothing() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem.New(http.StatusNotFound, "not-found", http.StatusText(http.StatusNotFound), "There is nothing here.").Write(w)
	})
}

// authorized lets the bearer of the administration token pass, for a while.
func authorized(token string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !role.Authorized(r, token) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			problem.New(http.StatusUnauthorized, "unauthorized", http.StatusText(http.StatusUnauthorized), "Send the administration's token.").Write(w)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), deskTimeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
