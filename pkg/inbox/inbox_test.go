//go:build unix

package inbox_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/inbox"
)

// servers are those of all tests here, each of which has its own database.
var servers = servertest.Share("postgres")

func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }

type consumer struct {
	db   *pgxpool.Pool
	seen inbox.Table
}

func newConsumer(t *testing.T) consumer {
	t.Helper()
	db, err := pgxpool.New(t.Context(), servertest.Database(t, servers.Start(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	c := consumer{db, inbox.Table{Name: "seen"}}
	if _, err := db.Exec(t.Context(), c.seen.DDL()+c.seen.DDL()+"CREATE TABLE effects (id text)"); err != nil {
		t.Fatal(err)
	}
	return c
}

// handle makes the effect of a message once, unless it fails.
func (c consumer) handle(ctx context.Context, name, id string, fail error) (first bool, err error) {
	err = pgx.BeginFunc(ctx, c.db, func(tx pgx.Tx) error {
		if first, err = c.seen.Claim(ctx, tx, name, id); err != nil || !first {
			return err
		}
		if _, err := tx.Exec(ctx, "INSERT INTO effects (id) VALUES ($1)", id); err != nil {
			return err
		}
		return fail
	})
	return first, err
}

func (c consumer) effects(t *testing.T) (n int) {
	t.Helper()
	if err := c.db.QueryRow(t.Context(), "SELECT count(*) FROM effects").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAMessageHasItsEffectOnceForEachConsumer(t *testing.T) {
	c := newConsumer(t)
	for _, step := range []struct {
		consumer string
		first    bool
	}{{"mail", true}, {"mail", false}, {"stock", true}, {"mail", false}} {
		if first, err := c.handle(t.Context(), step.consumer, "m1", nil); err != nil || first != step.first {
			t.Errorf("%s: first %t, %v; want %t", step.consumer, first, err, step.first)
		}
	}
	if n := c.effects(t); n != 2 {
		t.Errorf("%d effects, want one of each consumer", n)
	}
}

func TestAClaimGoesWithItsTransaction(t *testing.T) {
	c := newConsumer(t)
	lost := errors.New("the process died before the commit")
	if _, err := c.handle(t.Context(), "mail", "m1", lost); !errors.Is(err, lost) {
		t.Fatal(err)
	}
	if first, err := c.handle(t.Context(), "mail", "m1", nil); err != nil || !first || c.effects(t) != 1 {
		t.Errorf("after the death: first %t, %v, %d effects", first, err, c.effects(t))
	}
}

func TestOfManyAtOnceOneIsTheFirst(t *testing.T) {
	c := newConsumer(t)
	firsts := make(chan bool, 10)
	for range cap(firsts) {
		go func() {
			first, err := c.handle(t.Context(), "mail", "m1", nil)
			if err != nil {
				t.Error(err)
			}
			firsts <- first
		}()
	}
	n := 0
	for range cap(firsts) {
		if <-firsts {
			n++
		}
	}
	if n != 1 || c.effects(t) != 1 {
		t.Errorf("%d firsts and %d effects, want one", n, c.effects(t))
	}
}

// TestAClaimWaitsForTheOneBeforeAndTakesOverWhenItDies holds a claim in a
// session that is then terminated, as that of a killed process is.
func TestAClaimWaitsForTheOneBeforeAndTakesOverWhenItDies(t *testing.T) {
	c := newConsumer(t)
	zombie, err := pgx.ConnectConfig(t.Context(), c.db.Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer zombie.Close(context.WithoutCancel(t.Context()))
	tx, err := zombie.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if first, err := c.seen.Claim(t.Context(), tx, "mail", "m1"); err != nil || !first {
		t.Fatal(first, err)
	}
	took := make(chan bool, 1)
	go func() {
		first, err := c.handle(t.Context(), "mail", "m1", nil)
		took <- first && err == nil
	}()
	c.await(t, "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
	if _, err := c.db.Exec(t.Context(), "SELECT pg_terminate_backend($1)", zombie.PgConn().PID()); err != nil {
		t.Fatal(err)
	}
	if !<-took {
		t.Error("the claim of a dead session was not taken over")
	}
	if _, err := tx.Exec(t.Context(), "INSERT INTO effects (id) VALUES ('m1')"); err == nil {
		t.Error("the zombie still has effects")
	}
	if n := c.effects(t); n != 1 {
		t.Errorf("%d effects, want 1", n)
	}
}

func (c consumer) await(t *testing.T, condition string) {
	t.Helper()
	for ok := false; !ok; {
		if err := c.db.QueryRow(t.Context(), condition).Scan(&ok); err != nil {
			t.Fatal(err)
		}
	}
}

func TestABatchIsClaimedAtOnce(t *testing.T) {
	c := newConsumer(t)
	for _, step := range []struct{ ids, first []string }{
		{[]string{"b", "a", "b"}, []string{"a", "b"}},
		{[]string{"c", "a"}, []string{"c"}},
		{nil, nil},
	} {
		err := pgx.BeginFunc(t.Context(), c.db, func(tx pgx.Tx) error {
			got, err := c.seen.ClaimAll(t.Context(), tx, "mail", step.ids)
			slices.Sort(got)
			if !slices.Equal(got, step.first) {
				t.Errorf("ClaimAll(%q) = %q, want %q", step.ids, got, step.first)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestBatchesThatOverlapDoNotDeadlock(t *testing.T) {
	c := newConsumer(t)
	done := make(chan error, 8)
	for i := range cap(done) {
		ids := []string{"a", "b", "c", "d", "e", "f"}
		if i%2 == 1 {
			slices.Reverse(ids)
		}
		go func() {
			done <- pgx.BeginFunc(t.Context(), c.db, func(tx pgx.Tx) error {
				_, err := c.seen.ClaimAll(t.Context(), tx, "mail", ids)
				return err
			})
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestBadIDsAreRefusedAndTheTransactionGoesOn(t *testing.T) {
	c := newConsumer(t)
	err := pgx.BeginFunc(t.Context(), c.db, func(tx pgx.Tx) error {
		for _, id := range []string{"", "a\x00b", strings.Repeat("x", inbox.MaxID+1)} {
			if _, err := c.seen.Claim(t.Context(), tx, "mail", id); !errors.Is(err, inbox.ErrBadID) {
				t.Errorf("Claim(%.10q) = %v", id, err)
			}
		}
		_, err := c.seen.Claim(t.Context(), tx, "mail", strings.Repeat("x", inbox.MaxID))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestOldClaimsArePurgedInParts(t *testing.T) {
	c := newConsumer(t)
	for _, id := range []string{"old 1", "old 2", "old 3", "new"} {
		if _, err := c.handle(t.Context(), "mail", id, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.db.Exec(t.Context(), "UPDATE seen SET claimed_at = now() - interval '2 hours' WHERE id LIKE 'old%'"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{2, 1, 0} {
		if n, err := c.seen.Purge(t.Context(), c.db, time.Hour, 2); err != nil || n != want {
			t.Errorf("Purge = %d, %v; want %d", n, err, want)
		}
	}
	if first, err := c.handle(t.Context(), "mail", "new", nil); err != nil || first {
		t.Errorf("a claim that is not old was purged: %t, %v", first, err)
	}
}
