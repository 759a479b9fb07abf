//go:build unix

package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/outbox"
)

// servers are those of all tests here, each of which has its own database.
var servers = servertest.Share("postgres")

func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }

var errReceiver = errors.New("the receiver is away")

// world is a database with an outbox, and what its relays have published.
type world struct {
	pool  *pgxpool.Pool
	table outbox.Table

	mu        sync.Mutex
	published []string
	batches   []int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{pool: connect(t, servertest.Database(t, servers.Start(t))), table: outbox.Table{Name: "outbox"}}
	if _, err := w.pool.Exec(t.Context(), w.table.DDL()); err != nil {
		t.Fatal(err)
	}
	return w
}

func connect(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func (w *world) add(t *testing.T, ids ...string) {
	t.Helper()
	if err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
		var b pgx.Batch
		for _, id := range ids {
			w.table.Queue(&b, outbox.Message{ID: id, Kind: "made", Key: id, Body: []byte("body of " + id)})
		}
		return tx.SendBatch(t.Context(), &b).Close()
	}); err != nil {
		t.Fatal(err)
	}
}

func numbered(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%04d", i)
	}
	return ids
}

// publish keeps what it gets.
func (w *world) publish(_ context.Context, batch []outbox.Message) ([]error, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range batch {
		w.published = append(w.published, m.ID)
	}
	w.batches = append(w.batches, len(batch))
	return nil, nil
}

func (w *world) relay(publish func(context.Context, []outbox.Message) ([]error, error)) *outbox.Relay {
	return &outbox.Relay{Pool: w.pool, Table: w.table, Publish: publish}
}

func once(t *testing.T, r *outbox.Relay) int {
	t.Helper()
	n, err := r.Once(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (w *world) waiting(t *testing.T) int {
	t.Helper()
	n, _, err := w.table.Backlog(t.Context(), w.pool)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (w *world) wantPublished(t *testing.T, ids ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.published, ids) {
		t.Errorf("published %v, want %v", w.published, ids)
	}
}

func TestRowsOfABatchGoOutInTheirOrderAndOnce(t *testing.T) {
	w := newWorld(t)
	w.add(t, numbered(25)...)
	r := w.relay(w.publish)
	r.Batch = 10
	for _, want := range []int{10, 10, 5, 0} {
		if n := once(t, r); n != want {
			t.Errorf("the relay took %d rows, want %d", n, want)
		}
	}
	w.wantPublished(t, numbered(25)...)
}

func TestWhatWasRolledBackIsNeverPublished(t *testing.T) {
	w := newWorld(t)
	err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
		if err := w.table.Add(t.Context(), tx, outbox.Message{ID: "gone", Kind: "made", Body: []byte("x")}); err != nil {
			return err
		}
		return errReceiver
	})
	if !errors.Is(err, errReceiver) {
		t.Fatal(err)
	}
	if n := once(t, w.relay(w.publish)); n != 0 {
		t.Errorf("the relay took %d rows of a transaction that was rolled back", n)
	}
}

func TestTwoRelaysShareTheRowsWithoutWaitingForEachOther(t *testing.T) {
	w := newWorld(t)
	w.add(t, numbered(20)...)
	first := w.relay(func(ctx context.Context, batch []outbox.Message) ([]error, error) {
		other := w.relay(w.publish) // while the first holds its rows
		other.Batch = 10
		if n := once(t, other); n != 10 {
			t.Errorf("the other relay took %d rows, want the 10 that are free", n)
		}
		return w.publish(ctx, batch)
	})
	first.Batch = 10
	once(t, first)
	slices.Sort(w.published)
	w.wantPublished(t, numbered(20)...)
}

func TestARelayThatDiesBeforeItMarksLeavesItsRowsToOthers(t *testing.T) {
	w := newWorld(t)
	w.add(t, "a")
	dying := w.relay(func(ctx context.Context, batch []outbox.Message) ([]error, error) {
		_, _ = w.publish(ctx, batch)
		// Its connection ends, as it does when the process is killed.
		_, err := w.pool.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'")
		return nil, err
	})
	if _, err := dying.Once(t.Context()); err == nil {
		t.Error("a relay without its connection marked its rows")
	}
	for deadline := time.Now().Add(20 * time.Second); once(t, w.relay(w.publish)) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("its rows never became free")
		}
	}
	w.wantPublished(t, "a", "a") // at least once
}

func TestARelayThatStoodStillCannotMarkWhatOthersTook(t *testing.T) {
	w := newWorld(t)
	w.add(t, "a")
	frozen := w.relay(func(ctx context.Context, batch []outbox.Message) ([]error, error) {
		<-ctx.Done() // longer than its lease
		for deadline := time.Now().Add(20 * time.Second); once(t, w.relay(w.publish)) == 0; {
			if time.Now().After(deadline) {
				return nil, errors.New("its rows never became free")
			}
		}
		return nil, nil
	})
	frozen.Lease = 200 * time.Millisecond
	if _, err := frozen.Once(t.Context()); err == nil || strings.Contains(err.Error(), "never") {
		t.Errorf("a relay past its lease: %v, want its commit refused", err)
	}
	w.wantPublished(t, "a")
}

func TestAReceiverThatIsAwayCostsNoAttempt(t *testing.T) {
	w := newWorld(t)
	w.add(t, "a")
	away := w.relay(func(context.Context, []outbox.Message) ([]error, error) { return nil, errReceiver })
	for range 3 {
		if _, err := away.Once(t.Context()); !errors.Is(err, errReceiver) {
			t.Errorf("relay: %v, want %v", err, errReceiver)
		}
	}
	var attempts int
	r := w.relay(func(_ context.Context, batch []outbox.Message) ([]error, error) {
		attempts = batch[0].Attempts
		return nil, nil
	})
	once(t, r)
	if attempts != 0 {
		t.Errorf("the row has %d attempts after an outage, want 0", attempts)
	}
}

func TestARowThatIsRefusedDoesNotHoldUpTheOthers(t *testing.T) {
	w := newWorld(t)
	w.add(t, "a", "bad", "c")
	r := w.relay(func(ctx context.Context, batch []outbox.Message) ([]error, error) {
		failed := make([]error, len(batch))
		for i, m := range batch {
			if m.ID == "bad" {
				failed[i] = errors.New("too large")
				continue
			}
			_, _ = w.publish(ctx, []outbox.Message{m})
		}
		return failed, nil
	})
	once(t, r)
	w.wantPublished(t, "a", "c")
	if n := once(t, r); n != 0 {
		t.Errorf("the refused row was taken again at once, with %d rows", n)
	}
	var attempts int
	var reason string
	if err := w.pool.QueryRow(t.Context(), "SELECT attempts, last_error FROM outbox WHERE id = 'bad' AND retry_at > now()").Scan(&attempts, &reason); err != nil || attempts != 1 || reason != "too large" {
		t.Errorf("refused row: %d attempts, reason %q, %v; want 1 and the reason", attempts, reason, err)
	}
}

func TestRunRelaysUntilItsContextEnds(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	var relays sync.WaitGroup
	for range 2 {
		r := w.relay(w.publish)
		r.Batch, r.Idle = 7, time.Millisecond
		relays.Go(func() { r.Run(ctx) })
	}
	w.add(t, numbered(100)...)
	for w.waiting(t) > 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	relays.Wait()
	slices.Sort(w.published)
	w.wantPublished(t, numbered(100)...)
}

func TestPurgeRemovesWhatIsOldAndPublished(t *testing.T) {
	w := newWorld(t)
	w.add(t, "old", "young")
	once(t, w.relay(w.publish))
	w.add(t, "waiting")
	if _, err := w.pool.Exec(t.Context(), "UPDATE outbox SET published_at = published_at - interval '2 hours', created_at = created_at - interval '2 hours' WHERE id <> 'young'"); err != nil {
		t.Fatal(err)
	}
	if n, err := w.table.Purge(t.Context(), w.pool, time.Hour, 100); err != nil || n != 1 {
		t.Errorf("purge removed %d rows, %v; want the one that is old and published", n, err)
	}
	if n := w.waiting(t); n != 1 {
		t.Errorf("%d rows wait, want 1", n)
	}
}
