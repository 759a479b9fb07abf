package orderprocessor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/provingground/provingground/pkg/idempotency"
	"github.com/provingground/provingground/pkg/problem"
	"github.com/provingground/provingground/pkg/servicebusproducer"
	"github.com/provingground/provingground/pkg/traces"
)

// acceptTimeout is under any sensible client's own.
const acceptTimeout = 3 * time.Second

// intake is the public listener. The order in which it asks is that of the cost:
// header, size, content; only then the limits, and Service Bus.
type intake struct {
	queue   *servicebusproducer.Queue
	store   *store
	admit   *rate.Limiter
	each    *limits
	metrics *metrics
	log     *slog.Logger
	traces  *traces.Provider
	mux     *http.ServeMux
}

func newIntake(q *servicebusproducer.Queue, s *store, admitPerSecond, customerPerSecond float64, m *metrics, log *slog.Logger) *intake {
	i := &intake{
		queue: q, store: s, metrics: m, log: log, mux: http.NewServeMux(), each: newLimits(customerPerSecond),
		admit: rate.NewLimiter(rate.Limit(admitPerSecond), max(1, int(admitPerSecond/10))),
	}
	i.mux.HandleFunc("POST /api/orders", i.place)
	i.mux.HandleFunc("GET /api/orders/{customer}/{id}", i.order)
	i.mux.HandleFunc("GET /api/customers/{customer}", i.customer)
	for path, allow := range allowed() {
		i.mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", allow)
			i.fail(w, problem.New(http.StatusMethodNotAllowed, "method-not-allowed", http.StatusText(http.StatusMethodNotAllowed), "Use "+allow+"."))
		})
	}
	i.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		i.fail(w, problem.New(http.StatusNotFound, "not-found", "Not found", "There is /api/orders."))
	})
	return i
}

// allowed is the method of each path.
func allowed() map[string]string {
	return map[string]string{"/api/orders": "POST", "/api/orders/{customer}/{id}": "GET", "/api/customers/{customer}": "GET"}
}

// ServeHTTP implements http.Handler.
func (i *intake) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.mux.ServeHTTP(w, r) }

// place answers 202 when Service Bus has the order.
func (i *intake) place(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	o, err := i.read(w, r)
	if err != nil {
		i.fail(w, err)
		return
	}
	if !i.each.allow(o.Customer) {
		i.fail(w, problem.New(http.StatusTooManyRequests, "customer-limit", "Too many orders of this customer", "Nothing was done: send the order again.").After(1))
		return
	}
	if !i.admit.Allow() {
		i.fail(w, errShed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), acceptTimeout)
	defer cancel()
	o.traces = i.traces.Carry(ctx)
	if err := i.queue.Send(ctx, message(o, start)); err != nil {
		i.fail(w, err)
		return
	}
	i.metrics.acceptSeconds.Observe(time.Since(start).Seconds())
	w.Header().Set("Location", "/api/orders/"+o.Customer+"/"+o.id)
	i.answer(w, http.StatusAccepted, accepted{o.id, o.Customer, "accepted"})
}

// accepted is what the caller of an order reads.
type accepted struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Status   string `json:"status"`
}

func (i *intake) read(w http.ResponseWriter, r *http.Request) (Order, error) {
	key, err := idempotency.Key(r.Header)
	if err != nil {
		return Order{}, problem.New(http.StatusBadRequest, "malformed-idempotency-key", "Malformed Idempotency-Key", err.Error())
	}
	if key == "" {
		return Order{}, problem.New(http.StatusBadRequest, "no-idempotency-key", "No Idempotency-Key", "Send one: without it a repeated order is a second order.")
	}
	if r.ContentLength > MaxBody {
		w.Header().Set("Connection", "close") // unread: the connection ends with the answer
		return Order{}, problem.TooLarge(MaxBody)
	}
	raw, err := problem.ReadJSON(w, r, MaxBody)
	if err != nil {
		return Order{}, err
	}
	o, err := parse(raw)
	if err != nil {
		return Order{}, err
	}
	o.identify(key)
	return o, nil
}

// errShed: refusing early keeps the answers to the rest fast.
var errShed = fmt.Errorf("%w: more orders arrive than are admitted", servicebusproducer.ErrNotAttempted)

func (i *intake) answer(w http.ResponseWriter, status int, body any) {
	i.metrics.answered(status)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // the client is gone if this fails
}

func (i *intake) fail(w http.ResponseWriter, err error) {
	p := problemOf(err)
	i.metrics.answered(p.Status)
	if p.Status >= 500 && !errors.Is(err, errShed) && !errors.Is(err, context.Canceled) {
		i.log.Error("not accepted", "status", p.Status, "error", err)
	}
	p.Write(w)
}

// problemOf maps an error to its answer. 503 is a promise that nothing was done;
// 504 says that the order may be in the queue: send it again, with the same key.
func problemOf(err error) *problem.Problem {
	var p *problem.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, servicebusproducer.ErrNotAttempted):
		return problem.New(http.StatusServiceUnavailable, "not-attempted", "Not attempted", "Nothing was done: send the order again.").After(1)
	}
	return problem.New(http.StatusGatewayTimeout, "unknown-outcome", "Service Bus did not answer in time", "The outcome is unknown: send the order again, with the same key.")
}
