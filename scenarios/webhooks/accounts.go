package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/provingground/provingground/pkg/problem"
)

// accounts shows what became of events: the processor's public listener.
func accounts(i *inbox) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
		defer cancel()
		account, err := i.account(ctx, r.PathValue("provider"), r.PathValue("account"))
		switch {
		case errors.Is(err, errNoAccount):
			problem.New(http.StatusNotFound, "no-such-account", "No such account", errNoAccount.Error()).Write(w)
			return
		case err != nil:
			problem.New(http.StatusServiceUnavailable, "not-attempted", "Not attempted", "PostgreSQL does not answer: ask again.").After(1).Write(w)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		json.NewEncoder(w).Encode(account) // the client is gone if this fails
	})
}
