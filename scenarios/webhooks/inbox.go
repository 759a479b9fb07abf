package webhooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// inbox applies events, each once: the row that remembers an event and the change
// of its account are one transaction, of many events at a time.
type inbox struct{ db *pgxpool.Pool }

// applyTimeout is longer than the server's own timeout for a statement: it ends
// the wait for a server that is not there.
const applyTimeout = 3 * time.Second

// The three statements go to the server together and are one transaction. The
// accounts are locked first, in one order for everybody: so the rows of an account
// get their sequence in the order in which they commit, and two batches that
// overlap wait for each other instead of deadlocking.
const (
	makeAccounts = `
INSERT INTO accounts (provider, account)
SELECT p, a FROM unnest($1::text[], $2::text[]) AS given(p, a) GROUP BY p, a ORDER BY p, a
ON CONFLICT DO NOTHING`

	lockAccounts = `
SELECT 1 FROM accounts WHERE (provider, account) IN (SELECT * FROM unnest($1::text[], $2::text[]))
ORDER BY provider, account FOR UPDATE`

	applyEvents = `
WITH given AS (
	SELECT * FROM unnest($1::date[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::text[], $9::bytea[])
	WITH ORDINALITY AS g(day, provider, event_id, account, version, type, amount, plan, body, nth)
), fresh AS (
	INSERT INTO inbox (day, provider, event_id, account, version, type, amount, body)
	SELECT day, provider, event_id, account, version, type, amount, body FROM given ORDER BY nth
	ON CONFLICT DO NOTHING
	RETURNING provider, event_id, account, version, type, amount
), plans AS (
	SELECT DISTINCT ON (f.provider, f.account) f.provider, f.account, f.version, g.plan
	FROM fresh f JOIN given g USING (provider, event_id) WHERE g.plan <> ''
	ORDER BY f.provider, f.account, f.version DESC
), sums AS (
	SELECT provider, account, count(*) AS events, sum(amount) AS received, max(version) AS version FROM fresh GROUP BY provider, account
), changed AS (
	UPDATE accounts a SET
		events = a.events + s.events, received = a.received + s.received, version = greatest(a.version, s.version),
		plan = CASE WHEN p.version > a.plan_version THEN p.plan ELSE a.plan END,
		plan_version = greatest(a.plan_version, coalesce(p.version, 0))
	FROM sums s LEFT JOIN plans p USING (provider, account)
	WHERE a.provider = s.provider AND a.account = s.account
)
SELECT provider || '/' || event_id FROM fresh`
)

// apply makes the effects of those events that had none, in their order, and
// returns how many those were. A type that is not known has a row and no effect.
// It is all or nothing, and where PostgreSQL does not answer in time nobody knows
// which: applying them again tells.
func (i *inbox) apply(ctx context.Context, events []Event) (fresh int, err error) {
	var (
		days                                   []time.Time
		providers, ids, accounts, types, plans []string
		versions, amounts                      []int64
		bodies                                 [][]byte
	)
	for _, e := range events {
		amount := int64(0)
		if e.effective() {
			amount = e.Data.Amount
		}
		days, providers, ids, accounts = append(days, e.day()), append(providers, e.provider), append(ids, e.ID), append(accounts, e.Account)
		versions, types, amounts, plans, bodies = append(versions, e.Version), append(types, e.Type), append(amounts, amount), append(plans, e.plan()), append(bodies, e.raw)
	}
	var b pgx.Batch
	b.Queue(makeAccounts, providers, accounts)
	b.Queue(lockAccounts, providers, accounts)
	b.Queue(applyEvents, days, providers, ids, accounts, versions, types, amounts, plans, bodies).Query(func(rows pgx.Rows) error {
		all, err := pgx.CollectRows(rows, pgx.RowTo[string])
		fresh = len(all)
		return err
	})
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	if err := i.db.SendBatch(ctx, &b).Close(); err != nil {
		return 0, fmt.Errorf("apply %d events: %w", len(events), err)
	}
	return fresh, nil
}

// away tells that PostgreSQL did not answer, or that another try may end
// otherwise, from an answer that no retry changes: those of classes 22 and 23 are
// about the data. A partition that is missing is among them.
func away(err error) bool {
	var refused interface{ SQLState() string }
	if !errors.As(err, &refused) {
		return true
	}
	return !slices.ContainsFunc([]string{"22", "23"}, func(class string) bool { return strings.HasPrefix(refused.SQLState(), class) })
}

// An Account is the effect of its events, as their owner sees it.
type Account struct {
	Provider string `json:"provider"`
	Account  string `json:"account"`
	Events   int64  `json:"events"`
	Received int64  `json:"received"`
	Version  int64  `json:"version"`
	Plan     string `json:"plan"`
}

var errNoAccount = errors.New("no event of this account was applied")

func (i *inbox) account(ctx context.Context, provider, account string) (Account, error) {
	a := Account{Provider: provider, Account: account}
	err := i.db.QueryRow(ctx, "SELECT events, received, version, plan FROM accounts WHERE provider = $1 AND account = $2 AND events > 0", provider, account).
		Scan(&a.Events, &a.Received, &a.Version, &a.Plan)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, errNoAccount
	}
	return a, err
}
