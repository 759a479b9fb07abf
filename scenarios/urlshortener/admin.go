package urlshortener

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/provingground/provingground/pkg/idempotency"
	"github.com/provingground/provingground/pkg/problem"
	"github.com/provingground/provingground/pkg/role"
)

const (
	maxImport     = 1000
	maxImportBody = 4 << 20
	importTimeout = 30 * time.Second
)

// newAdmin is the second listener: metrics for everybody who reaches it, and
// changes for the bearer of the administration token. Each leaves an audit line.
func newAdmin(a *API, token string) http.Handler {
	admin := http.NewServeMux()
	admin.HandleFunc("POST /admin/links", a.importLinks)
	admin.HandleFunc("DELETE /admin/links/{name}", a.takeDown)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{}))
	mux.Handle("/admin/", a.authorized(token, admin))
	return mux
}

func (a *API) authorized(token string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !role.Authorized(r, token) {
			a.fail(w, "admin", unauthorized("Send the administration token as 'Authorization: Bearer …'."))
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), importTimeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

type importBody struct {
	URLs []string `json:"urls"`
}

// importLinks makes up to a thousand links at once. Codes follow from the
// idempotency key, so a repeated import makes the same links, and one that was
// interrupted is completed by its repetition.
func (a *API) importLinks(w http.ResponseWriter, r *http.Request) {
	links, err := a.readImport(w, r)
	if err != nil {
		a.fail(w, "import", err)
		return
	}
	if err := a.service.Import(r.Context(), links); err != nil {
		a.fail(w, "import", err)
		return
	}
	codes := make([]string, len(links))
	for i, link := range links {
		codes[i] = link.Code
	}
	a.service.log.Info("audit", "action", "import", "links", len(links), "first", codes[0])
	a.answer(w, "import", http.StatusCreated, map[string][]string{"codes": codes})
}

func (a *API) readImport(w http.ResponseWriter, r *http.Request) ([]Link, error) {
	key, err := idempotency.Key(r.Header)
	if err != nil || key == "" {
		return nil, errors.Join(idempotency.ErrMalformed, err)
	}
	raw, err := problem.ReadJSON(w, r, maxImportBody)
	if err != nil {
		return nil, err
	}
	var body importBody
	if err := problem.DecodeStrict(raw, &body); err != nil {
		return nil, err
	}
	if len(body.URLs) == 0 || len(body.URLs) > maxImport {
		return nil, problem.Invalid("urls must hold 1 to 1000 URLs")
	}
	links := make([]Link, len(body.URLs))
	for i, raw := range body.URLs {
		target, err := ValidTarget(raw, a.public.Host)
		if err != nil {
			return nil, problem.Invalid(fmt.Sprintf("urls[%d]: %v", i, err))
		}
		seed := key + "/" + strconv.Itoa(i) + "/" + target
		r := Request{Target: target, Key: seed}
		links[i] = a.service.newLink(r, a.service.codes.From(seed), 1)
	}
	return links, nil
}

func (a *API) takeDown(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if err := a.service.TakeDown(r.Context(), name); err != nil {
		a.fail(w, "take-down", err)
		return
	}
	a.service.log.Info("audit", "action", "take-down", "link", name)
	a.count("take-down", http.StatusNoContent)
	w.WriteHeader(http.StatusNoContent)
}

// Import writes links in transactions of a hundred. If it fails, some of the
// hundreds may be there: repeating it completes the rest.
func (s *Service) Import(ctx context.Context, links []Link) error {
	for len(links) > 0 {
		part := links[:min(len(links), maxTransaction)]
		links = links[len(part):]
		if err := s.store.addAll(ctx, part); err != nil {
			return err
		}
		if err := s.shared.announce(ctx, part...); err != nil {
			s.log.Warn("import not announced: others read it from the store", "error", err)
		}
	}
	return nil
}
