package imageresize

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/provingground/provingground/pkg/problem"
)

const (
	maxBody        = 4 << 10
	requestTimeout = 3 * time.Second // under any sensible client's own
)

// errShed says that more permits are asked for than this process admits. Refusing
// early keeps the rest fast, and what follows a permit in bounds.
var errShed = problem.New(http.StatusServiceUnavailable, "not-attempted", "Not attempted", "More uploads begin than are admitted: repeat the request.").After(1)

// api is the public listener.
type api struct {
	uploads *Uploads
	metrics *metrics
	admit   *rate.Limiter
	log     *slog.Logger
	mux     *http.ServeMux
}

func newAPI(u *Uploads, m *metrics, log *slog.Logger, admitPerSecond float64) *api {
	a := &api{
		uploads: u, metrics: m, log: log, mux: http.NewServeMux(),
		admit: rate.NewLimiter(rate.Limit(admitPerSecond), max(5, int(admitPerSecond/5))),
	}
	a.mux.HandleFunc("POST /api/uploads", a.permit)
	a.mux.HandleFunc("GET /api/uploads/{id}", a.find)
	a.mux.HandleFunc("/api/uploads", a.notAllowed("POST"))
	a.mux.HandleFunc("/api/uploads/{id}", a.notAllowed("GET"))
	a.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { a.fail(w, "other", ErrNotFound) })
	return a
}

func (a *api) notAllowed(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		a.fail(w, "other", problem.New(http.StatusMethodNotAllowed, "method-not-allowed", http.StatusText(http.StatusMethodNotAllowed),
			r.Method+" is not for this path; use "+allow+"."))
	}
}

// ServeHTTP implements http.Handler.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	admitted := r.WithContext(ctx)
	a.mux.ServeHTTP(w, admitted)
	r.Pattern = admitted.Pattern // for who looks from outside, as traces do
}

type permitBody struct {
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	Size        int64  `json:"size"`
	SHA256      string `json:"sha256"` // base64
}

// permit answers 201 with what the client needs to upload to S3 by itself.
func (a *api) permit(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	if !a.admit.Allow() {
		a.fail(w, "permit", errShed)
		return
	}
	req, err := readPermit(w, r)
	if err != nil {
		a.fail(w, "permit", err)
		return
	}
	p, err := a.uploads.Permit(r.Context(), req)
	if err != nil {
		a.fail(w, "permit", err)
		return
	}
	a.metrics.permitSeconds.Observe(time.Since(start).Seconds())
	w.Header().Set("Location", "/api/uploads/"+p.ID)
	a.answer(w, "permit", http.StatusCreated, p)
}

func readPermit(w http.ResponseWriter, r *http.Request) (Request, error) {
	raw, err := problem.ReadJSON(w, r, maxBody)
	if err != nil {
		return Request{}, err
	}
	var body permitBody
	if err := problem.DecodeStrict(raw, &body); err != nil {
		return Request{}, err
	}
	req := Request{Name: body.Name, ContentType: body.ContentType, Size: body.Size}
	if body.SHA256 != "" {
		if req.SHA256, err = base64.StdEncoding.DecodeString(body.SHA256); err != nil || len(req.SHA256) != 32 {
			return Request{}, problem.Invalid("sha256 must be the base64 of 32 bytes")
		}
	}
	if err := errors.Join(validName(req.Name), validType(req.ContentType)); err != nil {
		return Request{}, problem.Invalid(err.Error())
	}
	switch {
	case req.Size < 0 || req.SHA256 != nil && req.Size == 0:
		return Request{}, problem.Invalid("size must be the number of bytes, and goes with sha256")
	case req.Size > maxUpload:
		return Request{}, problem.New(http.StatusUnprocessableEntity, "file-too-large", "The file is too large", fmt.Sprintf("A file may have %d bytes.", maxUpload))
	}
	return req, nil
}

func (a *api) find(w http.ResponseWriter, r *http.Request) {
	up, err := a.uploads.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		a.fail(w, "find", err)
		return
	}
	a.answer(w, "find", http.StatusOK, up)
}

func (a *api) fail(w http.ResponseWriter, request string, err error) {
	p := problemOf(err)
	a.metrics.answered(request, p.Status)
	if p.Status >= 500 && !errors.Is(err, context.Canceled) && p != errShed {
		a.log.Error("request failed", "request", request, "status", p.Status, "error", err)
	}
	p.Write(w)
}

func (a *api) answer(w http.ResponseWriter, request string, status int, body any) {
	a.metrics.answered(request, status)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // URLs stay as they are, for people and shells
	e.Encode(body)         // the client is gone if this fails
}

// problemOf maps an error to its answer. No request of this listener changes
// anything, so all may be repeated.
func problemOf(err error) *problem.Problem {
	var p *problem.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, ErrNotFound):
		return problem.New(http.StatusNotFound, "no-such-upload", "No such upload", "Nobody was permitted to make it.")
	}
	return problem.New(http.StatusServiceUnavailable, "not-attempted", "Not attempted", "S3 or DynamoDB did not answer: repeat the request.").After(1)
}
