package edgeapi

import (
	"encoding/json"
	"errors"
	"net/http"
)

var errMediaType = errors.New("the body must be application/json")

// problem answers as RFC 9457 says. Its type tells a client that nothing was
// done, by its status.
func problem(w http.ResponseWriter, status int, detail string) {
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(status), status, detail})
	if err != nil {
		body = []byte("{}") // three strings and a number are always encoded
	}
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "private, no-store")
	w.WriteHeader(status)
	// Whoever left does not get it.
	_, _ = w.Write(body)
}

// unavailable promises that nothing was done.
func unavailable(w http.ResponseWriter, detail string) {
	w.Header().Set("Retry-After", "1")
	problem(w, http.StatusServiceUnavailable, detail)
}

// failed answers a request that changed nothing.
func (a *API) failed(w http.ResponseWriter, r *http.Request, err error) {
	if !a.refused(w, err) {
		a.Log.Error("read failed", "path", r.Pattern, "error", err)
		unavailable(w, "the database does not answer")
	}
}

// wrote answers a write whose end is known only if it was refused.
func (a *API) wrote(w http.ResponseWriter, r *http.Request, err error) {
	if !a.refused(w, err) {
		a.Log.Error("write without an answer", "path", r.Pattern, "error", err)
		problem(w, http.StatusGatewayTimeout, "the database did not answer: repeat the request with the same Idempotency-Key")
	}
}

// refused answers errors that say that nothing was done.
func (a *API) refused(w http.ResponseWriter, err error) bool {
	var (
		invalid *Invalid
		large   *http.MaxBytesError
	)
	switch {
	case errors.As(err, &invalid):
		problem(w, http.StatusBadRequest, invalid.Why)
	case errors.As(err, &large):
		problem(w, http.StatusRequestEntityTooLarge, "the body is too large")
	case errors.Is(err, errMediaType):
		problem(w, http.StatusUnsupportedMediaType, errMediaType.Error())
	case errors.Is(err, ErrNotFound):
		problem(w, http.StatusNotFound, ErrNotFound.Error())
	case errors.Is(err, ErrChanged):
		problem(w, http.StatusPreconditionFailed, ErrChanged.Error())
	case errors.Is(err, ErrKeyReused):
		problem(w, http.StatusUnprocessableEntity, ErrKeyReused.Error())
	case errors.Is(err, ErrOverloaded):
		unavailable(w, ErrOverloaded.Error())
	default:
		return false
	}
	return true
}
