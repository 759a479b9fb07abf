package webhooks

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/jackc/pgx/v5"

	"github.com/provingground/provingground/deploy/gcp/topology"
)

// effects are what became of the events, where it happened.
type effects struct {
	rows     map[string][]row // of the inbox, by what: raw, so that a second one shows
	accounts map[string]account
	dead     []string // on the dead-letter subscription: what, and why
}

// row is an event in the inbox.
type row struct {
	account string // provider/account
	version int64
	amount  int64
	seq     int64
	at      time.Time
}

// account is the effect of its events.
type account struct {
	events, received, version, planVersion int64
	plan                                   string
}

// applied counts the rows of the inbox.
func (d *Driver) applied(ctx context.Context, db *pgx.Conn) (n int, err error) {
	err = db.QueryRow(ctx, "SELECT count(*) FROM webhooks.inbox").Scan(&n)
	return n, err
}

// look reads what is in PostgreSQL and on the dead-letter subscription.
func (d *Driver) look(ctx context.Context, db *pgx.Conn) (*effects, error) {
	e := &effects{rows: map[string][]row{}, accounts: map[string]account{}}
	found, err := db.Query(ctx, "SELECT provider, event_id, account, version, amount, seq, applied_at FROM webhooks.inbox")
	if err != nil {
		return nil, err
	}
	var provider, id, name string
	var r row
	if _, err := pgx.ForEachRow(found, []any{&provider, &id, &name, &r.version, &r.amount, &r.seq, &r.at}, func() error {
		r.account = provider + "/" + name
		e.rows[provider+"/"+id] = append(e.rows[provider+"/"+id], r)
		return nil
	}); err != nil {
		return nil, err
	}
	var a account
	if found, err = db.Query(ctx, "SELECT provider, account, events, received, version, plan, plan_version FROM webhooks.accounts"); err != nil {
		return nil, err
	}
	if _, err := pgx.ForEachRow(found, []any{&provider, &name, &a.events, &a.received, &a.version, &a.plan, &a.planVersion}, func() error {
		e.accounts[provider+"/"+name] = a
		return nil
	}); err != nil {
		return nil, err
	}
	e.dead, err = deadLetters(ctx, d.setup.Env())
	return e, err
}

// deadLetters returns some of what is on the dead-letter subscription.
func deadLetters(ctx context.Context, env map[string]string) (all []string, err error) {
	client, err := pubsub.NewSubscriptionAdminClient(ctx, topology.Local(env["PUBSUB_EMULATOR_HOST"])...)
	if err != nil {
		return nil, fmt.Errorf("look for dead letters: %w", err)
	}
	defer client.Close()
	out, err := client.Pull(ctx, &pubsubpb.PullRequest{
		Subscription:      "projects/" + env["GOOGLE_CLOUD_PROJECT"] + "/subscriptions/webhooks-dead",
		MaxMessages:       100,
		ReturnImmediately: true, //lint:ignore SA1019 usually there is nothing, and nobody waits for it
	})
	if err != nil {
		return nil, fmt.Errorf("look for dead letters: %w", err)
	}
	for _, m := range out.ReceivedMessages {
		all = append(all, m.Message.Attributes["ce-id"]+": "+m.Message.Attributes["dead-letter-reason"])
	}
	return all, nil
}
