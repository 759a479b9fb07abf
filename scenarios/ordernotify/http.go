package ordernotify

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/provingground/provingground/pkg/idempotency"
	"github.com/provingground/provingground/pkg/problem"
)

const (
	maxBody        = 4 << 10
	maxQuantity    = 100
	maxStock       = 1_000_000_000
	requestTimeout = 3 * time.Second // under any sensible client's own
)

// errShed says that more arrives than this process admits. Refusing early keeps
// the answers to the rest fast: a queue would make all of them late.
var errShed = fmt.Errorf("%w: more requests arrive than are admitted", ErrUnavailable)

// api is the public listener.
type api struct {
	service *Service
	metrics *metrics
	admit   *rate.Limiter
	product *regexp.Regexp
	mux     *http.ServeMux
}

func newAPI(service *Service, m *metrics, admitPerSecond float64) *api {
	a := &api{
		service: service, metrics: m, mux: http.NewServeMux(),
		admit:   rate.NewLimiter(rate.Limit(admitPerSecond), max(1, int(admitPerSecond/20))),
		product: regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`),
	}
	a.mux.HandleFunc("POST /api/orders", a.place)
	a.mux.HandleFunc("GET /api/orders/{id}", a.find)
	a.mux.HandleFunc("/api/orders", a.notAllowed("POST"))
	a.mux.HandleFunc("/api/orders/{id}", a.notAllowed("GET"))
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

// ServeHTTP admits a request or refuses it at once.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !a.admit.Allow() {
		a.fail(w, "any", errShed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	admitted := r.WithContext(ctx)
	a.mux.ServeHTTP(w, admitted)
	r.Pattern = admitted.Pattern // for who looks from outside, as traces do
}

type placeBody struct {
	Product  string `json:"product"`
	Quantity int    `json:"quantity"`
	Email    string `json:"email"`
}

// place answers 202: the order is durable, what follows from it shows at its own
// address.
func (a *api) place(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	req, err := a.readPlace(w, r)
	if err != nil {
		a.fail(w, "place", err)
		return
	}
	order, err := a.service.Place(r.Context(), req)
	if err != nil {
		a.fail(w, "place", err)
		return
	}
	a.metrics.placeSeconds.Observe(time.Since(start).Seconds())
	w.Header().Set("Location", "/api/orders/"+order.ID)
	a.answer(w, "place", http.StatusAccepted, order)
}

// readPlace checks everything that can be checked without the database.
func (a *api) readPlace(w http.ResponseWriter, r *http.Request) (Request, error) {
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
	var body placeBody
	if err := problem.DecodeStrict(raw, &body); err != nil {
		return Request{}, err
	}
	if err := a.valid(body); err != nil {
		return Request{}, err
	}
	return Request{
		Product: body.Product, Quantity: body.Quantity, Email: body.Email,
		Key: key, Print: idempotency.Fingerprint(r.Method, r.URL.Path, string(raw)),
	}, nil
}

func (a *api) valid(b placeBody) error {
	switch {
	case !a.product.MatchString(b.Product):
		return problem.Invalid("product must have 1 to 64 characters of a-z, 0-9 and -")
	case b.Quantity < 1 || b.Quantity > maxQuantity:
		return problem.Invalid(fmt.Sprintf("quantity must be between 1 and %d", maxQuantity))
	case !validAddress(b.Email):
		return problem.Invalid("email must be one plain address, such as ada@example.com")
	}
	return nil
}

// validAddress takes a bare ASCII address: no display name, no comment, nothing
// that could begin a header of its own.
func validAddress(s string) bool {
	const longest = 254 // RFC 5321
	if len(s) > longest || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return false
	}
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && a.Name == ""
}

func (a *api) find(w http.ResponseWriter, r *http.Request) {
	order, err := a.service.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		a.fail(w, "find", err)
		return
	}
	a.answer(w, "find", http.StatusOK, order)
}

func (a *api) fail(w http.ResponseWriter, request string, err error) {
	p := problemOf(err)
	a.metrics.answered(request, p.Status)
	if p.Status >= 500 && !errors.Is(err, context.Canceled) && !errors.Is(err, errShed) {
		a.service.log.Error("request failed", "request", request, "status", p.Status, "error", err)
	}
	p.Write(w)
}

func (a *api) answer(w http.ResponseWriter, request string, status int, body any) {
	a.metrics.answered(request, status)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // the client is gone if this fails
}

type stockBody struct {
	Stock *int `json:"stock"`
}

// setStock is administration: it makes a product or counts it anew.
func (a *api) setStock(w http.ResponseWriter, r *http.Request) {
	product := r.PathValue("product")
	raw, err := problem.ReadJSON(w, r, maxBody)
	if err != nil {
		a.fail(w, "stock", err)
		return
	}
	var body stockBody
	if err := problem.DecodeStrict(raw, &body); err != nil {
		a.fail(w, "stock", err)
		return
	}
	if !a.product.MatchString(product) || body.Stock == nil || *body.Stock < 0 || *body.Stock > maxStock {
		a.fail(w, "stock", problem.Invalid("a product has a name of a-z, 0-9 and -, and a stock of 0 to "+strconv.Itoa(maxStock)))
		return
	}
	if err := a.service.Stock(r.Context(), product, *body.Stock); err != nil {
		a.fail(w, "stock", err)
		return
	}
	a.service.log.Info("audit", "action", "stock", "product", product, "stock", *body.Stock)
	w.WriteHeader(http.StatusNoContent)
}
