package checkout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/provingground/provingground/pkg/idempotency"
	"github.com/provingground/provingground/pkg/problem"
)

const (
	maxBody        = 8 << 10
	maxItems       = 20
	maxQuantity    = 100
	requestTimeout = 4500 * time.Millisecond // under the shoppers' five seconds
)

// api is what shoppers reach.
type api struct {
	log     *slog.Logger
	name    *regexp.Regexp
	sell    func(ctx context.Context, c Cart) (Order, time.Duration, error)
	find    func(ctx context.Context, id string) (Order, []Item, error)
	enqueue func(ctx context.Context, c Cart) error
}

func (a *api) handler(path string) http.Handler {
	a.name = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+path, a.post)
	mux.HandleFunc(path, a.notAllowed("POST"))
	if a.find != nil {
		mux.HandleFunc("GET "+path+"/{id}", a.get)
		mux.HandleFunc(path+"/{id}", a.notAllowed("GET"))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		problem.New(http.StatusNotFound, "not-found", http.StatusText(http.StatusNotFound), "There is nothing at this path.").Write(w)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		mux.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (a *api) notAllowed(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		problem.New(http.StatusMethodNotAllowed, "method-not-allowed", http.StatusText(http.StatusMethodNotAllowed),
			r.Method+" is not for this path; use "+allow+".").Write(w)
	}
}

// post sells the cart. Where the database is not to be had in time it is queued.
func (a *api) post(w http.ResponseWriter, r *http.Request) {
	c, err := a.read(w, r)
	if err != nil {
		a.fail(w, err)
		return
	}
	if a.sell == nil {
		a.queue(w, r, c, nil)
		return
	}
	o, paying, err := a.sell(r.Context(), c)
	if errors.Is(err, ErrUnavailable) && a.enqueue != nil {
		a.queue(w, r, c, err)
		return
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	w.Header().Set("Server-Timing", fmt.Sprintf("payment;dur=%.1f", float64(paying)/float64(time.Millisecond)))
	w.Header().Set("Location", "/api/checkouts/"+o.ID)
	status := http.StatusCreated
	if o.State == Pending {
		status = http.StatusAccepted
	}
	answer(w, status, o)
}

// queue answers 202 when SQS has the cart.
func (a *api) queue(w http.ResponseWriter, r *http.Request, c Cart, why error) {
	if err := a.enqueue(r.Context(), c); err != nil {
		a.fail(w, err)
		return
	}
	if why != nil {
		a.log.Warn("queued", "order", c.ID(), "error", why)
	}
	w.Header().Set("Location", "/api/checkouts/"+c.ID())
	answer(w, http.StatusAccepted, Order{ID: c.ID(), State: Queued})
}

// read checks everything that can be checked without the database.
func (a *api) read(w http.ResponseWriter, r *http.Request) (Cart, error) {
	key, err := idempotency.Key(r.Header)
	if err != nil {
		return Cart{}, err
	}
	if key == "" {
		return Cart{}, problem.Invalid("send an Idempotency-Key: a checkout without one cannot be repeated")
	}
	raw, err := problem.ReadJSON(w, r, maxBody)
	if err != nil {
		return Cart{}, err
	}
	var body struct {
		Customer string `json:"customer"`
		Items    []Item `json:"items"`
	}
	if err := problem.DecodeStrict(raw, &body); err != nil {
		return Cart{}, err
	}
	c := Cart{Customer: body.Customer, Items: body.Items, Key: key}
	return c, a.valid(c)
}

func (a *api) valid(c Cart) error {
	switch {
	case !a.name.MatchString(c.Customer):
		return problem.Invalid("customer must have 1 to 64 characters of a-z, 0-9 and -")
	case len(c.Items) < 1 || len(c.Items) > maxItems:
		return problem.Invalid(fmt.Sprintf("a cart has 1 to %d items", maxItems))
	}
	seen := map[string]bool{}
	for _, i := range c.Items {
		switch {
		case !a.name.MatchString(i.Product):
			return problem.Invalid("product must have 1 to 64 characters of a-z, 0-9 and -")
		case i.Quantity < 1 || i.Quantity > maxQuantity:
			return problem.Invalid(fmt.Sprintf("quantity must be between 1 and %d", maxQuantity))
		case seen[i.Product]:
			return problem.Invalid("a product is in the cart twice")
		}
		seen[i.Product] = true
	}
	return nil
}

func (a *api) get(w http.ResponseWriter, r *http.Request) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		a.fail(w, ErrNotFound)
		return
	}
	o, _, err := a.find(r.Context(), id.String())
	if err != nil && !errors.Is(err, ErrNotFound) {
		err = errors.Join(ErrUnavailable, err) // a read has no outcome
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	answer(w, http.StatusOK, o)
}

func (a *api) fail(w http.ResponseWriter, err error) {
	p := problemOf(err)
	if p.Status >= 500 {
		a.log.Error("request failed", "status", p.Status, "error", err)
	}
	p.Write(w)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // the client is gone if this fails
}
