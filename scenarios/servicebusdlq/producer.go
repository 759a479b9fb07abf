package servicebusdlq

import (
	"context"
	"crypto/rand"
	"encoding/json"
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

const (
	// MaxBody is the size of the largest request in bytes. A message of Service Bus's
	// standard tier has 256 KiB with its properties, a binary property of a row 64
	// KiB: what is accepted at the door fits behind it.
	MaxBody = 48 << 10

	maxAccount     = 64
	maxSending     = 512             // payments that wait for the broker's answer
	requestTimeout = 3 * time.Second // under any sensible client's own
)

// errShed says that more arrives than this process admits. Refusing early keeps the
// answers to the rest fast.
var errShed = fmt.Errorf("%w: more payments arrive than are admitted", errUnavailable)

// producer is the public listener. It looks at the envelope and not at the data: it
// is one producer of several, and none knows all that its consumers cannot take.
type producer struct {
	plain, ordered *servicebusproducer.Queue
	admit          *rate.Limiter
	answers        answers
	traces         *traces.Provider
	mux            *http.ServeMux
}

func newProducer(plain, ordered *servicebusproducer.Queue, m *metrics, log *slog.Logger, admitPerSecond float64) *producer {
	p := &producer{
		plain: plain, ordered: ordered, answers: answers{m, log}, mux: http.NewServeMux(),
		admit: rate.NewLimiter(rate.Limit(admitPerSecond), max(1, int(admitPerSecond/20))),
	}
	p.mux.HandleFunc("POST /api/payments", p.pay)
	p.mux.HandleFunc("/api/payments", p.answers.notAllowed("POST"))
	p.mux.Handle("/", nothing())
	return p
}

// ServeHTTP admits a request or refuses it at once.
func (p *producer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.admit.Allow() {
		p.answers.fail(w, "any", errShed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	admitted := r.WithContext(ctx)
	p.mux.ServeHTTP(w, admitted)
	r.Pattern = admitted.Pattern // for who looks from outside, as traces do
}

type paymentBody struct {
	Account string          `json:"account"`
	Ordered bool            `json:"ordered"` // after the account's payments that were acknowledged before
	Version int             `json:"version"` // of data's schema; 1 if it is left out
	Data    json.RawMessage `json:"data"`
}

type receipt struct {
	ID      string `json:"id"` // of the payment
	Account string `json:"account"`
}

// pay answers 202 when the queue has the payment. Its id is the idempotency key: the
// producer keeps nothing, and a repetition is known by whoever books it.
func (p *producer) pay(w http.ResponseWriter, r *http.Request) {
	id, body, err := readPayment(w, r)
	if err != nil {
		p.answers.fail(w, "payment", err)
		return
	}
	queue := p.plain
	if body.Ordered {
		queue = p.ordered
	}
	m := newMessage(id, body, time.Now())
	for name, value := range p.traces.Carry(r.Context()) {
		m.ApplicationProperties[name] = value
	}
	start := time.Now()
	if err := queue.Send(r.Context(), m); err != nil {
		p.answers.fail(w, "payment", err)
		return
	}
	p.answers.metrics.sendSeconds.Observe(time.Since(start).Seconds())
	p.answers.give(w, "payment", http.StatusAccepted, receipt{id, body.Account}, nil)
}

func readPayment(w http.ResponseWriter, r *http.Request) (id string, body paymentBody, err error) {
	if id, err = idempotency.Key(r.Header); err != nil {
		return "", body, err
	}
	if id == "" {
		id = "unkeyed-" + rand.Text() // no retry can find it, and none was asked for
	}
	if r.ContentLength > MaxBody {
		w.Header().Set("Connection", "close") // unread: the connection ends with the answer
		return "", body, problem.TooLarge(MaxBody)
	}
	raw, err := problem.ReadJSON(w, r, MaxBody)
	if err != nil {
		return "", body, err
	}
	body.Version = schemaVersion
	if err := problem.DecodeStrict(raw, &body); err != nil {
		return "", body, err
	}
	switch {
	case !validAccount(body.Account):
		return "", body, problem.Invalid(fmt.Sprintf("account must have 1 to %d characters of a-z, 0-9 and -", maxAccount))
	case len(body.Data) == 0:
		return "", body, problem.Invalid("data must be there")
	case len(id) > maxID:
		return "", body, problem.Invalid(fmt.Sprintf("an Idempotency-Key has up to %d characters", maxID))
	}
	return id, body, nil
}
