package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/provingground/provingground/pkg/problem"
	"github.com/provingground/provingground/pkg/pubsubproducer"
	"github.com/provingground/provingground/pkg/webhooksig"
)

// acceptTimeout is under what senders wait: Stripe and GitHub give up after about
// ten seconds. The publisher gives up before it does.
const acceptTimeout = 4 * time.Second

// receiver is the public listener. The order in which it asks is that of the
// cost: header, size, body, signature, content; only then a place, and Pub/Sub.
type receiver struct {
	providers map[string]Scheme
	events    *pubsubproducer.Topic
	admit     *rate.Limiter
	metrics   *metrics
	log       *slog.Logger
	now       func() time.Time
	mux       *http.ServeMux
}

func newReceiver(providers map[string]Scheme, events *pubsubproducer.Topic, admitPerSecond float64, m *metrics, log *slog.Logger) *receiver {
	r := &receiver{
		providers: providers, events: events, metrics: m, log: log, now: time.Now, mux: http.NewServeMux(),
		admit: rate.NewLimiter(rate.Limit(admitPerSecond), max(1, int(admitPerSecond/10))),
	}
	r.mux.HandleFunc("POST /webhooks/{provider}", r.receive)
	r.mux.HandleFunc("/webhooks/{provider}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", "POST")
		r.fail(w, problem.New(http.StatusMethodNotAllowed, "method-not-allowed", http.StatusText(http.StatusMethodNotAllowed), "Use POST."))
	})
	r.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { r.fail(w, errNoProvider) })
	return r
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.mux.ServeHTTP(w, req) }

// receive answers 202 when Pub/Sub has the event.
func (r *receiver) receive(w http.ResponseWriter, req *http.Request) {
	start := time.Now()
	event, err := r.read(w, req)
	if err != nil {
		r.fail(w, err)
		return
	}
	if !r.admit.Allow() {
		r.fail(w, errShed)
		return
	}
	ctx, cancel := context.WithTimeout(req.Context(), acceptTimeout)
	defer cancel()
	if err := r.events.Publish(ctx, message(event)); err != nil {
		r.fail(w, err)
		return
	}
	r.metrics.acceptSeconds.Observe(time.Since(start).Seconds())
	r.metrics.answered(http.StatusAccepted)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusAccepted)
	json.NewEncoder(w).Encode(map[string]string{"id": event.ID, "provider": event.provider}) // the client is gone if this fails
}

// read returns an event whose sender is known.
func (r *receiver) read(w http.ResponseWriter, req *http.Request) (Event, error) {
	provider := req.PathValue("provider")
	scheme, known := r.providers[provider]
	if !known {
		return Event{}, errNoProvider
	}
	claim, err := scheme.Claim(req.Header, r.now())
	if err != nil {
		return Event{}, err
	}
	if req.ContentLength > MaxBody {
		// Unread: the connection ends with the answer.
		w.Header().Set("Connection", "close")
		return Event{}, problem.TooLarge(MaxBody)
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, req.Body, MaxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return Event{}, problem.TooLarge(MaxBody)
	}
	if err != nil {
		return Event{}, problem.Invalid("the body ended early")
	}
	if err := claim.Verify(raw); err != nil {
		return Event{}, err
	}
	event, err := parse(provider, raw)
	if err == nil {
		err = event.aged(r.now(), taken)
	}
	return event, err
}

var (
	errNoProvider = errors.New("no such provider")
	// errShed: refusing early keeps the answers to the rest fast.
	errShed = fmt.Errorf("%w: more events arrive than are admitted", pubsubproducer.ErrNotAttempted)
)

func (r *receiver) fail(w http.ResponseWriter, err error) {
	p := problemOf(err)
	r.metrics.answered(p.Status)
	if p.Status >= 500 && !errors.Is(err, pubsubproducer.ErrNotAttempted) && !errors.Is(err, context.Canceled) {
		r.log.Error("publish failed", "status", p.Status, "error", err)
	}
	p.Write(w)
}

// problemOf maps an error to its answer. 503 is a promise that nothing was done;
// 504 says that the event may be in the topic: send it again, with the same id.
func problemOf(err error) *problem.Problem {
	var p *problem.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, webhooksig.ErrMissing), errors.Is(err, webhooksig.ErrMalformed), errors.Is(err, webhooksig.ErrTime), errors.Is(err, webhooksig.ErrMismatch):
		return problem.New(http.StatusUnauthorized, "bad-signature", "Bad signature", err.Error())
	case errors.Is(err, errNoProvider):
		return problem.New(http.StatusNotFound, "no-such-provider", "No such provider", "Send to /webhooks/payments or /webhooks/repos.")
	case errors.Is(err, errTooOld), errors.Is(err, errTooNew):
		return problem.New(http.StatusUnprocessableEntity, "too-old", "Created too long ago or in the future", err.Error())
	case errors.Is(err, errMalformed):
		return problem.Invalid(err.Error())
	case errors.Is(err, pubsubproducer.ErrNotAttempted):
		return problem.New(http.StatusServiceUnavailable, "not-attempted", "Not attempted", "Nothing was done: send the event again.").After(1)
	}
	return problem.New(http.StatusGatewayTimeout, "unknown-outcome", "Pub/Sub did not answer in time", "The outcome is unknown: send the event again, with the same id.")
}
