package webhooks

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/provingground/provingground/loadtest/http1"
	"github.com/provingground/provingground/pkg/webhooksig"
)

// event is one arrival. Its id is its identity: the effect is looked for by it.
type event struct {
	provider string
	id       string
	kind     string
	account  string
	version  int64
	amount   int64
	plan     string
	body     []byte
}

// event returns arrival k. Its version is drawn now: of two events of an account
// the one that is sent later has the higher one.
func (d *Driver) event(k int64) (event, error) {
	// The others take turns, whatever their number.
	i := (k/hotEvery*(hotEvery-1) + k%hotEvery - 1) % int64(d.setup.Records)
	if k%hotEvery == 0 {
		i = int64(d.setup.Records)
	}
	e := event{
		// An account has one provider.
		provider: "payments", id: fmt.Sprintf("r%s-%d", d.run, k), kind: "payment.received",
		account: d.account(i), version: d.versions[i].Add(1), amount: 1 + k%500,
	}
	if i%4 == 1 {
		e.provider = "repos"
	}
	switch {
	case k%20 == 3: // a type that the service does not know
		e.kind = "account.renamed"
	case k%4 == 0:
		e.kind, e.plan = "plan.changed", fmt.Sprintf("plan-%d", e.version)
	}
	var err error
	e.body, err = json.Marshal(map[string]any{
		"id": e.id, "type": e.kind, "account": e.account, "created": time.Now().Unix(), "version": e.version,
		"data": map[string]any{"amount": e.amount, "plan": e.plan, "note": "what the receiver does not know it keeps"},
	})
	return e, err
}

func (d *Driver) account(i int64) string { return fmt.Sprintf("r%s-a%d", d.run, i) }

// hot is the account that has a tenth of all events.
func (d *Driver) hot() string { return d.account(int64(d.setup.Records)) }

func (e event) what() string { return e.provider + "/" + e.id }

// added is what the event adds to its account.
func (e event) added() int64 {
	if e.kind == "account.renamed" {
		return 0
	}
	return e.amount
}

// request signs the event as its provider does, at a time.
func (d *Driver) request(e event, at time.Time) ([]byte, error) {
	return http1.NewRequest("POST", "/webhooks/"+e.provider, d.hosts[0], e.body,
		http1.Field{Name: "Content-Type", Value: "application/json"}, d.signature(e, at))
}

func (d *Driver) signature(e event, at time.Time) http1.Field {
	if e.provider == "repos" {
		return http1.Field{Name: "X-Hub-Signature-256", Value: webhooksig.SignGitHub([]byte(d.setup.Env()["REPOS_KEY"]), e.body)}
	}
	return http1.Field{Name: "Stripe-Signature", Value: webhooksig.SignStripe(d.mischief.keys(d.setup.Env()), at, e.body)}
}
