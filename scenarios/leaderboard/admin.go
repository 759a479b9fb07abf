package leaderboard

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/provingground/provingground/pkg/problem"
	"github.com/provingground/provingground/pkg/role"
)

const (
	maxImport     = 1000
	maxImportBody = 1 << 20
	importTimeout = 30 * time.Second
)

// newAdmin is the second listener: metrics for everybody who reaches it, and
// changes for the bearer of the administration token. Each leaves an audit line.
// It is net/http, because nothing here is hot.
func newAdmin(a *API, token string) http.Handler {
	admin := http.NewServeMux()
	admin.HandleFunc("POST /admin/scores", a.importScores)
	admin.HandleFunc("POST /admin/rebuild", a.rebuild)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{}))
	mux.Handle("/admin/", authorized(token, admin))
	return mux
}

func authorized(token string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !role.Authorized(r, token) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			problem.New(http.StatusUnauthorized, "token-required", http.StatusText(http.StatusUnauthorized),
				"Send the administration token as 'Authorization: Bearer …'.").Write(w)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), importTimeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

type importBody struct {
	Scores []submitBody `json:"scores"`
}

// importScores takes up to a thousand scores of different players, as when a
// board moves here. They are submissions without keys: the best counts, so a
// repeated import changes nothing, and one that was interrupted is completed by
// its repetition.
func (a *API) importScores(w http.ResponseWriter, r *http.Request) {
	subs, err := readImport(w, r)
	if err == nil {
		err = a.service.committer.bring(r.Context(), subs)
	}
	if err != nil {
		problemOf(err).Write(w)
		return
	}
	a.log.Info("audit", "action", "import", "scores", len(subs))
	w.WriteHeader(http.StatusNoContent)
}

func readImport(w http.ResponseWriter, r *http.Request) ([]Submission, error) {
	raw, err := problem.ReadJSON(w, r, maxImportBody)
	if err != nil {
		return nil, err
	}
	var body importBody
	if err := problem.DecodeStrict(raw, &body); err != nil {
		return nil, err
	}
	if len(body.Scores) == 0 || len(body.Scores) > maxImport {
		return nil, problem.Invalid("scores must hold 1 to " + strconv.Itoa(maxImport) + " scores")
	}
	subs := make([]Submission, len(body.Scores))
	players := make(map[string]bool, len(subs))
	for i, one := range body.Scores {
		if subs[i], err = one.submission(); err != nil {
			return nil, problem.Invalid(fmt.Sprintf("scores[%d]: %v", i, err))
		}
		if players[one.Player] {
			return nil, problem.Invalid(fmt.Sprintf("scores[%d]: the player is in it twice", i))
		}
		players[one.Player] = true
	}
	return subs, nil
}

// rebuild empties the view, as when it holds what the table never held: another
// table's players, for example.
func (a *API) rebuild(w http.ResponseWriter, r *http.Request) {
	if err := a.service.view.drop(r.Context()); err != nil {
		problemOf(fmt.Errorf("%w: %w", ErrUnavailable, err)).Write(w)
		return
	}
	a.log.Info("audit", "action", "rebuild")
	w.WriteHeader(http.StatusAccepted)
}
