package pubsubdlq

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
	"github.com/provingground/provingground/pkg/pubsubproducer"
)

const (
	maxBody        = 4 << 10
	maxAccount     = 64
	requestTimeout = 3 * time.Second // under any sensible client's own
)

// errShed says that more arrives than this process admits. Refusing early keeps
// the answers to the rest fast: a queue would make all of them late.
var errShed = fmt.Errorf("%w: more requests arrive than are admitted", ErrUnavailable)

// intake is the publisher's listener. It looks at the envelope and not at the data:
// it is one producer of several, and no producer knows all that its consumers cannot
// take.
type intake struct {
	topic   *pubsubproducer.Topic
	admit   *rate.Limiter
	answers answers
	mux     *http.ServeMux
}

func newIntake(topic *pubsubproducer.Topic, m *metrics, log *slog.Logger, admitPerSecond float64) *intake {
	i := &intake{
		topic: topic, answers: answers{m, log}, mux: http.NewServeMux(),
		admit: rate.NewLimiter(rate.Limit(admitPerSecond), max(1, int(admitPerSecond/20))),
	}
	i.mux.HandleFunc("POST /api/usage", i.record)
	i.mux.HandleFunc("/api/usage", i.answers.notAllowed("POST"))
	i.mux.Handle("/", nothing())
	return i
}

// ServeHTTP admits a request or refuses it at once.
func (i *intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !i.admit.Allow() {
		i.answers.fail(w, "any", errShed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	admitted := r.WithContext(ctx)
	i.mux.ServeHTTP(w, admitted)
	r.Pattern = admitted.Pattern // for who looks from outside, as traces do
}

type usageBody struct {
	Account string          `json:"account"`
	Version int             `json:"version"` // of data's schema; 1 if it is left out
	Data    json.RawMessage `json:"data"`
}

type receipt struct {
	ID      string `json:"id"` // of the event
	Account string `json:"account"`
}

// record answers 202 when the topic has the event. Its id is the idempotency key: the
// publisher keeps nothing, and a repetition is known by whoever charges it.
func (i *intake) record(w http.ResponseWriter, r *http.Request) {
	id, body, err := readUsage(w, r)
	if err != nil {
		i.answers.fail(w, "usage", err)
		return
	}
	if err := i.topic.Publish(r.Context(), newMessage(id, body.Account, body.Version, body.Data, time.Now())); err != nil {
		i.answers.fail(w, "usage", err)
		return
	}
	i.answers.ok(w, "usage", http.StatusAccepted, receipt{id, body.Account})
}

func readUsage(w http.ResponseWriter, r *http.Request) (id string, body usageBody, err error) {
	if id, err = idempotency.Key(r.Header); err != nil {
		return "", body, err
	}
	if id == "" {
		id = "unkeyed-" + rand.Text() // no retry can find it, and none was asked for
	}
	raw, err := problem.ReadJSON(w, r, maxBody)
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
	}
	return id, body, nil
}

func validAccount(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= maxAccount
}
