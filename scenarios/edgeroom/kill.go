package edgeroom

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/provingground/provingground/pkg/edge/durable"
)

// killPath is where an object is ended. No request from outside is passed on to it.
const killPath = "/kill"

const killedWhy = "killed on request"

// Killable lets an object be killed by the Worker, beside what h answers.
func Killable(s *durable.State, h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.HandleFunc("POST "+killPath, func(w http.ResponseWriter, r *http.Request) {
		reply(w, nil, s.Abort(r.Context(), killedWhy))
	})
	return mux
}

// kill ends an object, as a crash does. It is for demonstrations: with a page of this
// Worker in front, not for pages of others that the same browser shows.
func (w *Worker) kill(all Objects) http.HandlerFunc {
	own := http.NewCrossOriginProtection()
	own.SetDenyHandler(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		refuse(out, http.StatusForbidden, "cross-origin", "only a page of this Worker may ask for this")
	}))
	return own.Handler(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		if err := checkName(name); err != nil {
			reply(out, nil, err)
			return
		}
		if err := killed(r.Context(), all.Get(name)); err != nil {
			w.Log.ErrorContext(r.Context(), "an object lives on", "path", r.Pattern, "error", err)
			reply(out, nil, err)
			return
		}
		out.WriteHeader(http.StatusNoContent)
	})).ServeHTTP
}

// killed returns nil when the platform says that the object was ended so.
func killed(ctx context.Context, object durable.Stub) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://object"+killPath, nil)
	if err != nil {
		return err
	}
	resp, err := object.RoundTrip(req)
	if err != nil && strings.Contains(err.Error(), killedWhy) {
		return nil
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return fmt.Errorf("the object answers %s", resp.Status)
}

// killButton shows the page's button.
func killButton(page string) string {
	return strings.Replace(page, ` id="kill" hidden`, ` id="kill"`, 1)
}
