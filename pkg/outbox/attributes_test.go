//go:build unix

package outbox_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/outbox"
)

func TestAttributesTravelWithTheirRow(t *testing.T) {
	w := newWorld(t)
	rows := []map[string]string{{"traceparent": "00-a", "tenant": "ünïcode \"quoted\""}, nil, {}, {"other": "b"}}
	if err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
		for i, attributes := range rows {
			if err := w.table.Add(t.Context(), tx, outbox.Message{ID: numbered(4)[i], Kind: "made", Body: []byte("x"), Attributes: attributes}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	got := w.attributes(t)
	for i := range rows {
		if len(got[i])+len(rows[i]) > 0 && !reflect.DeepEqual(got[i], rows[i]) {
			t.Errorf("row %d has attributes %v, want %v", i, got[i], rows[i])
		}
	}
}

// attributes relays a batch and returns those of its messages.
func (w *world) attributes(t *testing.T) (got []map[string]string) {
	t.Helper()
	once(t, w.relay(func(_ context.Context, batch []outbox.Message) ([]error, error) {
		for _, m := range batch {
			got = append(got, m.Attributes)
		}
		return nil, nil
	}))
	return got
}

// TestATableWithoutAttributesGetsThem begins with the table of an earlier version,
// which goes on to insert while the next one starts.
func TestATableWithoutAttributesGetsThem(t *testing.T) {
	w := &world{pool: connect(t, servertest.Database(t, servers.Start(t))), table: outbox.Table{Name: "outbox"}}
	const earlier = `
CREATE TABLE outbox (
	seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL UNIQUE, kind text NOT NULL, key text NOT NULL, body bytea NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(), attempts integer NOT NULL DEFAULT 0, retry_at timestamptz, last_error text, published_at timestamptz)`
	exec := func(sql string) {
		t.Helper()
		if _, err := w.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(earlier)
	exec("INSERT INTO outbox (id, kind, key, body) VALUES ('a', 'made', 'a', 'x')")
	exec(w.table.DDL())
	exec("INSERT INTO outbox (id, kind, key, body) VALUES ('b', 'made', 'b', 'x')")
	w.add(t, "c")
	if got := w.attributes(t); len(got) != 3 {
		t.Errorf("attributes of %d rows, want 3", len(got))
	}
}

// TestASecondStartDoesNotWaitForTheRelays: an ALTER TABLE would, and every insert
// would wait behind it.
func TestASecondStartDoesNotWaitForTheRelays(t *testing.T) {
	w := newWorld(t)
	w.add(t, "a")
	once(t, w.relay(func(ctx context.Context, _ []outbox.Message) ([]error, error) {
		_, err := w.pool.Exec(ctx, "SET lock_timeout = '1s';"+w.table.DDL()) // of the pool's connection, which nobody uses after
		return nil, err
	}))
}
