//go:build linux

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/postgres"
	"github.com/provingground/provingground/loadtest/faults/proxy/proxytest"
)

// program finds one of PostgreSQL's own, which Debian keeps out of the path.
func program(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(found) == 0 {
		t.Fatalf("this test needs PostgreSQL: `apt-get install postgresql` (%s is not in the path, nor below /usr/lib/postgresql)", name)
	}
	return slices.Max(found)
}

// unprivileged returns whom to run PostgreSQL as: it refuses root.
func unprivileged(t *testing.T, folder string) *syscall.SysProcAttr {
	t.Helper()
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		return attr
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.Atoi(nobody.Uid)
	gid, err2 := strconv.Atoi(nobody.Gid)
	if err := errors.Join(err, err2, os.Chown(folder, uid, gid)); err != nil {
		t.Fatal(err)
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr
}

// startServer starts a PostgreSQL of the test's own and returns its address.
func startServer(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	attr := unprivileged(t, folder)
	data := filepath.Join(folder, "data")
	create := exec.CommandContext(t.Context(), program(t, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "--no-sync")
	create.SysProcAttr, create.Dir = attr, folder
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	ports, err := server.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), program(t, "postgres"), "-D", data, "-k", folder, "-c", "listen_addresses=127.0.0.1", "-p", strconv.Itoa(ports[0]), "-c", "fsync=off")
	run.SysProcAttr, run.Dir, run.Stderr = attr, folder, t.Output()
	run.Cancel = func() error { return run.Process.Signal(syscall.SIGINT) } // fast shutdown
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Wait() }) // the context of the test has ended
	addr := fmt.Sprintf("127.0.0.1:%d", ports[0])
	conn := connect(t, addr)
	for _, table := range []string{"orders", "outbox"} {
		if _, err := conn.Exec(t.Context(), "CREATE TABLE "+table+" (id int)"); err != nil {
			t.Fatal(err)
		}
	}
	return addr
}

// connect waits until the server takes connections.
func connect(t *testing.T, addr string) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, "postgres://postgres@"+addr+"/postgres?sslmode=prefer")
		if err == nil {
			t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
			return conn
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-tick.C:
		}
	}
}

// world is a PostgreSQL server, a proxy before it, and a connection that goes past it.
type world struct {
	proxy  *proxy.Proxy
	direct *pgx.Conn
}

func setup(t *testing.T) world {
	t.Helper()
	addr := startServer(t)
	return world{proxytest.Start(t, addr, postgres.Protocol()), connect(t, addr)}
}

func (w world) want(t *testing.T, table string, want ...int32) {
	t.Helper()
	rows, err := w.direct.Query(t.Context(), "SELECT id FROM "+table+" ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s holds %v, want %v", table, got, want)
	}
}

func insert(ctx context.Context, conn *pgx.Conn, id int) error {
	_, err := conn.Exec(ctx, "INSERT INTO orders VALUES ($1)", id)
	return err
}

// place writes an order and its event in one transaction.
func place(ctx context.Context, conn *pgx.Conn, id int) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO orders VALUES ($1)", id)
		if err == nil {
			_, err = tx.Exec(ctx, "INSERT INTO outbox VALUES ($1)", id)
		}
		return err
	})
}

func TestARealServerAndItsFaults(t *testing.T) {
	w := setup(t)
	t.Run("everything that pgx sends passes", func(t *testing.T) { w.passes(t) })
	t.Run("a lost answer of COMMIT leaves the rows", func(t *testing.T) {
		proxytest.Inject(t, w.proxy, proxy.Match{Operation: "COMMIT", Times: 1}, proxy.LoseAnswer())
		if err := place(t.Context(), connect(t, w.proxy.Addr()), 10); err == nil {
			t.Error("the transaction was reported as done")
		}
		w.want(t, "orders", 10)
		w.want(t, "outbox", 10)
	})
	t.Run("a reset before COMMIT leaves nothing", func(t *testing.T) {
		proxytest.Inject(t, w.proxy, proxy.Match{Operation: "COMMIT", Times: 1}, proxy.Reset())
		if err := place(t.Context(), connect(t, w.proxy.Addr()), 11); err == nil {
			t.Error("the transaction was reported as done")
		}
		w.want(t, "orders", 10)
	})
	t.Run("a lost answer of an INSERT outside a transaction leaves the row", func(t *testing.T) {
		proxytest.Inject(t, w.proxy, proxy.Match{Operation: "INSERT orders", Times: 1}, proxy.LoseAnswer())
		if err := insert(t.Context(), connect(t, w.proxy.Addr()), 12); err == nil {
			t.Error("the row was reported as written")
		}
		w.want(t, "orders", 10, 12)
	})
	t.Run("a duplicate is executed twice", func(t *testing.T) {
		proxytest.Inject(t, w.proxy, proxy.Match{Operation: "INSERT orders", Times: 1}, proxy.Duplicate())
		if err := insert(t.Context(), connect(t, w.proxy.Addr()), 13); err != nil {
			t.Error(err)
		}
		w.want(t, "orders", 10, 12, 13, 13)
	})
}

// passes leaves the tables empty.
func (w world) passes(t *testing.T) {
	ctx, conn := t.Context(), connect(t, w.proxy.Addr())
	if err := place(ctx, conn, 1); err != nil {
		t.Fatal(err)
	}
	n, err := conn.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"id"}, pgx.CopyFromSlice(50_000, func(i int) ([]any, error) { return []any{i}, nil }))
	if err != nil || n != 50_000 {
		t.Fatalf("COPY: %d, %v", n, err)
	}
	batch := &pgx.Batch{}
	for i := range 100 {
		batch.Queue("INSERT INTO outbox VALUES ($1)", i)
	}
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		t.Fatal(err)
	}
	var rows int
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM generate_series(1, 100000)").Scan(&rows); err != nil || rows != 100_000 {
		t.Errorf("%d rows, %v", rows, err)
	}
	all, err := conn.Query(ctx, "SELECT id FROM orders ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := pgx.CollectRows(all, pgx.RowTo[int32]); err != nil || len(ids) != 50_001 || ids[50_000] != 49_999 {
		t.Errorf("%d rows came back, %v", len(ids), err)
	}
	if _, err := conn.Exec(ctx, "SELECT * FROM nowhere"); err == nil {
		t.Error("a broken statement succeeded")
	}
	w.notified(t, conn)
	if _, err := conn.Exec(ctx, "TRUNCATE orders; TRUNCATE outbox"); err != nil {
		t.Fatal(err)
	}
	want := []string{"BEGIN", "INSERT orders", "INSERT outbox", "COMMIT", "COPY orders", "SELECT generate_series", "SELECT orders", "LISTEN news", "TRUNCATE orders; TRUNCATE outbox"}
	counts := w.proxy.Counts()
	for _, name := range want {
		if c := counts[name]; c.Seen == 0 || c.Seen != c.Answered {
			t.Errorf("%s was counted as %+v of %v", name, c, counts)
		}
	}
	for name, c := range w.proxy.Counts() {
		t.Logf("%s: %+v", name, c)
	}
}

func (w world) notified(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), "LISTEN news"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.direct.Exec(t.Context(), "NOTIFY news, 'hello'"); err != nil {
		t.Fatal(err)
	}
	n, err := conn.WaitForNotification(t.Context())
	if err != nil || n.Payload != "hello" {
		t.Errorf("notification %v, %v", n, err)
	}
}
