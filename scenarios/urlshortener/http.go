package urlshortener

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/provingground/provingground/pkg/idempotency"
	"github.com/provingground/provingground/pkg/problem"
)

// errShed says that more arrives than this process admits. Refusing early keeps
// the answers to the rest fast: a queue would make all of them late.
var errShed = fmt.Errorf("%w: more requests arrive than are admitted", ErrUnavailable)

const (
	maxBody        = 8 << 10
	requestTimeout = 3 * time.Second // under any sensible client's own
)

// API is the public listener.
type API struct {
	service *Service
	metrics *metrics
	public  *url.URL
	admit   *rate.Limiter // requests that this process takes on; the rest is refused at once
	mux     *http.ServeMux
	ready   atomic.Bool
}

func newAPI(service *Service, m *metrics, public *url.URL, admitPerSecond float64) *API {
	a := &API{
		service: service, metrics: m, public: public, mux: http.NewServeMux(),
		admit: rate.NewLimiter(rate.Limit(admitPerSecond), max(1, int(admitPerSecond/20))),
	}
	a.mux.HandleFunc("POST /api/links", a.create)
	a.mux.HandleFunc("GET /api/links/{name}", a.describe)
	a.mux.HandleFunc("DELETE /api/links/{name}", a.delete)
	a.mux.HandleFunc("/api/links", a.notAllowed("POST"))
	a.mux.HandleFunc("/api/links/{name}", a.notAllowed("GET, DELETE"))
	a.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { a.fail(w, "other", ErrNotFound) })
	a.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	a.mux.HandleFunc("GET /readyz", a.readyz)
	return a
}

func (a *API) notAllowed(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		a.fail(w, "other", problem.New(http.StatusMethodNotAllowed, "method-not-allowed", http.StatusText(http.StatusMethodNotAllowed),
			r.Method+" is not for this path; use "+allow+"."))
	}
}

// SetReady says whether a balancer should send requests here.
func (a *API) SetReady(ready bool) { a.ready.Store(ready) }

func (a *API) readyz(w http.ResponseWriter, _ *http.Request) {
	if !a.ready.Load() {
		http.Error(w, "starting or draining", http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ok\n")
}

// ServeHTTP takes the redirects out before the mux: they are nearly everything.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name != "healthz" && name != "readyz" && !a.admit.Allow() {
		a.metrics.shed.Inc()
		problemOf(errShed).Write(w)
		return
	}
	if (r.Method == http.MethodGet || r.Method == http.MethodHead) && !strings.Contains(name, "/") && !reserved(name) {
		a.redirect(w, r, name)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	a.mux.ServeHTTP(w, r.WithContext(ctx))
}

// redirect is the hot path. 302 and a second of caching at most: a 301 could
// never be taken back.
func (a *API) redirect(w http.ResponseWriter, r *http.Request, name string) {
	start := time.Now()
	e, err := a.service.Resolve(r.Context(), name)
	if err != nil {
		a.noRedirect(w, err)
		return
	}
	if r.Method == http.MethodGet {
		a.service.clicks.add(name)
	}
	h := w.Header()
	h["Location"] = e.location
	h["Cache-Control"] = []string{cacheControl(maxAge(e.link, start))}
	h["Content-Length"] = []string{"0"}
	w.WriteHeader(http.StatusFound)
	a.metrics.redirect.Inc()
	a.metrics.seconds.Observe(time.Since(start).Seconds())
}

func (a *API) noRedirect(w http.ResponseWriter, err error) {
	p := problemOf(err)
	if p.Status == http.StatusNotFound {
		a.metrics.unknown.Inc()
	} else {
		a.count("redirect", p.Status)
	}
	p.Write(w)
}

type createBody struct {
	URL       string     `json:"url"`
	Alias     string     `json:"alias"`
	ExpiresAt *time.Time `json:"expires_at"`
}

// linkBody is a link as its owner sees it.
type linkBody struct {
	Code      string     `json:"code"`
	ShortURL  string     `json:"short_url"`
	URL       string     `json:"url"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	Token     string     `json:"management_token,omitempty"`
	Clicks    *int64     `json:"clicks,omitempty"`
}

func (a *API) bodyOf(l Link) linkBody {
	b := linkBody{Code: l.Code, ShortURL: a.public.JoinPath(l.Code).String(), URL: l.Target, CreatedAt: l.Created.UTC()}
	if !l.Expires.IsZero() {
		expires := l.Expires.UTC()
		b.ExpiresAt = &expires
	}
	return b
}

func (a *API) create(w http.ResponseWriter, r *http.Request) {
	req, err := a.readCreate(w, r)
	if err != nil {
		a.fail(w, "create", err)
		return
	}
	link, token, err := a.service.Create(r.Context(), req)
	if err != nil {
		a.fail(w, "create", err)
		return
	}
	body := a.bodyOf(link)
	body.Token = token
	w.Header().Set("Location", "/api/links/"+link.Code)
	a.answer(w, "create", http.StatusCreated, body)
}

// readCreate checks everything that can be checked without a store.
func (a *API) readCreate(w http.ResponseWriter, r *http.Request) (Request, error) {
	key, err := idempotency.Key(r.Header)
	if err != nil {
		return Request{}, err
	}
	if key == "" {
		key = "unkeyed-" + rand.Text() // no retry can find it, and none was asked for
	}
	raw, err := problem.ReadJSON(w, r, maxBody)
	if err != nil {
		return Request{}, err
	}
	var body createBody
	if err := problem.DecodeStrict(raw, &body); err != nil {
		return Request{}, err
	}
	target, err := ValidTarget(body.URL, a.public.Host)
	if err != nil {
		return Request{}, problem.Invalid(err.Error())
	}
	if body.Alias != "" {
		if err := ValidAlias(body.Alias); err != nil {
			return Request{}, problem.Invalid(err.Error())
		}
	}
	req := Request{Target: target, Alias: body.Alias, Key: key, Print: idempotency.Fingerprint(r.Method, r.URL.Path, string(raw))}
	if body.ExpiresAt != nil {
		req.Expires = *body.ExpiresAt
	}
	return req, nil
}

func (a *API) describe(w http.ResponseWriter, r *http.Request) {
	token, err := bearer(r)
	if err != nil {
		a.fail(w, "describe", err)
		return
	}
	link, n, err := a.service.Describe(r.Context(), r.PathValue("name"), token)
	if err != nil {
		a.fail(w, "describe", err)
		return
	}
	body := a.bodyOf(link)
	body.Clicks = &n
	a.answer(w, "describe", http.StatusOK, body)
}

func (a *API) delete(w http.ResponseWriter, r *http.Request) {
	token, err := bearer(r)
	if err != nil {
		a.fail(w, "delete", err)
		return
	}
	if err := a.service.Delete(r.Context(), r.PathValue("name"), token); err != nil {
		a.fail(w, "delete", err)
		return
	}
	a.count("delete", http.StatusNoContent)
	w.WriteHeader(http.StatusNoContent)
}

func (a *API) fail(w http.ResponseWriter, request string, err error) {
	p := problemOf(err)
	a.count(request, p.Status)
	if p.Status >= 500 && !errors.Is(err, context.Canceled) {
		a.service.log.Error("request failed", "request", request, "status", p.Status, "error", err)
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	p.Write(w)
}

func (a *API) answer(w http.ResponseWriter, request string, status int, body any) {
	a.count(request, status)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // the client is gone if this fails
}

func (a *API) count(request string, status int) {
	a.metrics.responses.WithLabelValues(request, strconv.Itoa(status)).Inc()
}

// bearer returns the request's token, at most 64 characters of it.
func bearer(r *http.Request) (string, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" || len(token) > 64 {
		return "", unauthorized("Send the management token as 'Authorization: Bearer …'.")
	}
	return token, nil
}
