package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/provingground/provingground/pkg/edge"
	"github.com/provingground/provingground/pkg/edge/cache"
	"github.com/provingground/provingground/pkg/edge/d1"
	"github.com/provingground/provingground/pkg/edge/d1sql"
	"github.com/provingground/provingground/pkg/edge/kv"
	"github.com/provingground/provingground/pkg/edge/queue"
	"github.com/provingground/provingground/pkg/edge/r2"
)

// checks are those that need nobody outside.
func checks() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"d1": checkD1, "d1-batch": checkBatch, "d1-sql": checkSQL, "kv": checkKV, "cache": checkCache,
		"r2": checkR2, "r2-conditions": checkConditions, "r2-reader": checkReader, "r2-multipart": checkMultipart,
		"queue-limits": checkQueueLimits, "context": checkContext, "fetch": checkFetch,
	}
}

func same(what string, got, want any) error {
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%s: %#v, want %#v", what, got, want)
	}
	return nil
}

func session() *d1.Session { return d1.DB{Binding: "DB"}.Session(d1.FirstPrimary) }

// run is a batch of one.
func run(ctx context.Context, s *d1.Session, sql string, args ...any) (d1.Result, error) {
	all, err := s.Batch(ctx, d1.Statement{SQL: sql, Args: args})
	if err != nil {
		return d1.Result{}, err
	}
	return all[0], nil
}

func checkD1(ctx context.Context) error {
	s := session()
	if _, err := run(ctx, s, "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v)"); err != nil {
		return err
	}
	made, err := run(ctx, s, "INSERT INTO t (v) VALUES (?)", "ümläut")
	if err != nil {
		return err
	}
	got, err := run(ctx, s, "SELECT id, v, NULL AS absent, 1.5 AS broken, ? AS bytes FROM t WHERE id = ?", []byte{0, 255}, made.LastRowID)
	if err != nil {
		return err
	}
	if s.Bookmark() == "" {
		return errors.New("a session that has written has no bookmark")
	}
	_, bad := run(ctx, s, "SELECT * FROM nowhere")
	var thrown *edge.Error
	if !errors.As(bad, &thrown) || !strings.Contains(thrown.Message, "no such table") {
		return fmt.Errorf("a table that is not there: %w", bad)
	}
	return errors.Join(
		same("changes", made.Changes, int64(1)),
		same("columns", got.Columns, []string{"id", "v", "absent", "broken", "bytes"}),
		same("rows", got.Rows, [][]any{{made.LastRowID, "ümläut", nil, 1.5, []byte{0, 255}}}))
}

// checkBatch lets the second of two statements fail.
func checkBatch(ctx context.Context) error {
	s := session()
	if _, err := run(ctx, s, "CREATE TABLE IF NOT EXISTS one (id INTEGER PRIMARY KEY)"); err != nil {
		return err
	}
	if _, err := s.Batch(ctx, d1.Statement{SQL: "INSERT INTO one VALUES (1)"}, d1.Statement{SQL: "INSERT INTO one VALUES (1)"}); err == nil {
		return errors.New("a batch with a doubled key went through")
	}
	left, err := run(ctx, s, "SELECT count(*) FROM one")
	return errors.Join(err, same("rows of a batch that failed", left.Rows, [][]any{{int64(0)}}))
}

// checkSQL asks D1 by way of database/sql.
func checkSQL(ctx context.Context) error {
	db := d1sql.Open("DB")
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS s (id INTEGER PRIMARY KEY, v TEXT)"); err != nil {
		return err
	}
	insert, err := db.PrepareContext(ctx, "INSERT INTO s (v) VALUES (?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	made, err := insert.ExecContext(ctx, "prepared")
	if err != nil {
		return err
	}
	id, err := made.LastInsertId()
	if err != nil {
		return err
	}
	var (
		text string
		none sql.NullString
	)
	if err := db.QueryRowContext(ctx, "SELECT v, NULL FROM s WHERE id = ?", id).Scan(&text, &none); err != nil {
		return err
	}
	absent := db.QueryRowContext(ctx, "SELECT v FROM s WHERE id = -1").Scan(&text)
	if !errors.Is(absent, sql.ErrNoRows) {
		return fmt.Errorf("a row that is not there: %w", absent)
	}
	_, err = db.BeginTx(ctx, nil)
	if !errors.Is(err, d1sql.ErrNoTransactions) {
		return fmt.Errorf("a transaction: %w", err)
	}
	return errors.Join(same("text", text, "prepared"), same("NULL", none.Valid, false))
}

func checkKV(ctx context.Context) error {
	n := kv.Namespace{Binding: "KV"}
	want := kv.Value{Data: []byte{0, 255, 'x'}, Metadata: json.RawMessage(`{"version":7}`)}
	if err := n.Write(ctx, "list/b", want, time.Minute); err != nil {
		return err
	}
	got, err := n.Read(ctx, "list/b", time.Minute)
	if err != nil {
		return err
	}
	if err := errors.Join(same("value", *got, want), n.Put(ctx, "list/a", nil)); err != nil {
		return err
	}
	keys, next, err := n.List(ctx, "list/", "")
	if err != nil {
		return err
	}
	if err := n.Delete(ctx, "list/a"); err != nil {
		return err
	}
	gone, err := n.Read(ctx, "list/a", 0)
	absent, err2 := n.Get(ctx, "absent", 0)
	tooShort := n.Write(ctx, "k", want, time.Second)
	if tooShort == nil {
		return errors.New("a value for one second was taken")
	}
	return errors.Join(err, err2,
		same("list", keys, []kv.Key{{Name: "list/a"}, {Name: "list/b", Metadata: want.Metadata}}), same("cursor", next, ""),
		same("a deleted key", gone, (*kv.Value)(nil)), same("a key that never was", absent, []byte(nil)))
}

func checkCache(ctx context.Context) error {
	// A small body comes with its headers, a large one is a stream.
	return errors.Join(checkCached(ctx, "kept"), checkCached(ctx, strings.Repeat("kept", 50_000)))
}

func checkCached(ctx context.Context, text string) error {
	c := cache.Cache{Name: "conformance"}
	const address = "https://cache.conformance/it"
	if err := c.Put(ctx, address, http.Header{"Cache-Control": {"max-age=60"}, "Etag": {`"e"`}}, []byte(text)); err != nil {
		return err
	}
	resp, err := c.Match(ctx, address)
	if err != nil || resp == nil {
		return fmt.Errorf("what was put is not there: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, same("bytes", len(body), len(text)), same("body", string(body) == text, true), same("ETag", resp.Header.Get("Etag"), `"e"`), c.Delete(ctx, address)); err != nil {
		return err
	}
	gone, err := c.Match(ctx, address)
	if gone != nil {
		return errors.Join(err, gone.Body.Close(), errors.New("what was deleted is there"))
	}
	return err
}

func checkR2(ctx context.Context) error {
	b := r2.Bucket{Binding: "BUCKET"}
	text := []byte("0123456789")
	sum := sha256.Sum256(text)
	put, err := b.Put(ctx, "dir/digits", bytes.NewReader(text), 10, r2.Options{ContentType: "text/plain", Custom: map[string]string{"by": "Go"}, SHA256: sum[:]})
	if err != nil {
		return err
	}
	part, err := b.Get(ctx, "dir/digits", r2.Range{Offset: 2, Length: 3})
	if err != nil {
		return err
	}
	defer part.Body.Close()
	middle, err := io.ReadAll(part.Body)
	if err != nil {
		return err
	}
	head, err := b.Head(ctx, "dir/digits")
	if err != nil {
		return err
	}
	list, next, err := b.List(ctx, "dir/", "")
	if err != nil {
		return err
	}
	absent, err := b.Get(ctx, "absent", r2.Range{})
	if err := errors.Join(err, b.Delete(ctx, "dir/digits", "dir/nothing")); err != nil {
		return err
	}
	gone, err := b.Head(ctx, "dir/digits")
	return errors.Join(err,
		same("a part", string(middle), "234"), same("ETags", head.ETag, put.ETag), same("SHA-256", head.SHA256, sum[:]),
		same("size", head.Size, int64(10)), same("type", head.ContentType, "text/plain"), same("custom", head.Custom, map[string]string{"by": "Go"}),
		same("list", []any{len(list), next}, []any{1, ""}), same("absent", absent, (*r2.Object)(nil)), same("deleted", gone, (*r2.Info)(nil)))
}

func checkConditions(ctx context.Context) error {
	b := r2.Bucket{Binding: "BUCKET"}
	put := func(text string, o r2.Options) (*r2.Info, error) {
		return b.Put(ctx, "once", strings.NewReader(text), int64(len(text)), o)
	}
	if err := b.Delete(ctx, "once"); err != nil {
		return err
	}
	first, err := put("first", r2.Options{IfAbsent: true})
	if err != nil {
		return err
	}
	if _, err := put("second", r2.Options{IfAbsent: true}); !errors.Is(err, r2.ErrCondition) {
		return fmt.Errorf("a second object where none may be: %w", err)
	}
	if _, err := put("changed", r2.Options{IfMatch: first.ETag}); err != nil {
		return err
	}
	if _, err := put("late", r2.Options{IfMatch: first.ETag}); !errors.Is(err, r2.ErrCondition) {
		return fmt.Errorf("a change of an old version: %w", err)
	}
	other := sha256.Sum256([]byte("another"))
	if _, err := put("wrong", r2.Options{SHA256: other[:]}); err == nil {
		return errors.New("content with another checksum was taken")
	}
	return nil
}

// checkReader puts what Go makes, and readers that are not as long as they say.
func checkReader(ctx context.Context) error {
	b := r2.Bucket{Binding: "BUCKET"}
	const size = 3 << 20
	h := sha256.New()
	made := io.TeeReader(io.LimitReader(zeros{}, size), h)
	if _, err := b.Put(ctx, "made", made, size, r2.Options{}); err != nil {
		return err
	}
	o, err := b.Get(ctx, "made", r2.Range{})
	if err != nil {
		return err
	}
	defer o.Body.Close()
	read := sha256.New()
	if _, err := io.Copy(read, struct{ io.Reader }{o.Body}); err != nil {
		return err
	}
	for _, n := range []int64{5, 15} {
		if _, err := b.Put(ctx, "wrong", strings.NewReader("0123456789"), n, r2.Options{}); err == nil {
			return fmt.Errorf("ten bytes were put as %d", n)
		}
	}
	wrong, err := b.Head(ctx, "wrong")
	return errors.Join(err, same("what came back", read.Sum(nil), h.Sum(nil)), same("an object of the wrong length", wrong, (*r2.Info)(nil)))
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func checkMultipart(ctx context.Context) error {
	b := r2.Bucket{Binding: "BUCKET"}
	begun, err := b.NewUpload(ctx, "parts", r2.Options{ContentType: "application/x-parts"})
	if err != nil {
		return err
	}
	u := b.Upload("parts", begun.ID) // as another request would
	first, err := u.Put(ctx, 1, io.LimitReader(zeros{}, r2.MinPart), r2.MinPart)
	if err != nil {
		return err
	}
	second, err := u.Put(ctx, 2, strings.NewReader("the end"), 7)
	if err != nil {
		return err
	}
	done, err := u.Complete(ctx, first, second)
	if err != nil {
		return err
	}
	dropped, err := b.NewUpload(ctx, "dropped", r2.Options{})
	if err != nil {
		return err
	}
	if err := dropped.Abort(ctx); err != nil {
		return err
	}
	if _, err := dropped.Put(ctx, 1, strings.NewReader("late"), 4); err == nil {
		return errors.New("a part of an aborted upload was taken")
	}
	head, err := b.Head(ctx, "parts")
	return errors.Join(err, same("size", done.Size, int64(r2.MinPart+7)), same("type", head.ContentType, "application/x-parts"))
}

func checkQueueLimits(ctx context.Context) error {
	q := queue.Queue{Binding: "JOBS"}
	for what, all := range map[string][]queue.Outgoing{
		"a long body":       {{Body: make([]byte, queue.MaxBody+1)}},
		"a long delay":      {{Delay: queue.MaxDelay + time.Second}},
		"too many messages": make([]queue.Outgoing, queue.MaxMessages+1),
	} {
		if err := q.Send(ctx, all...); !errors.Is(err, queue.ErrTooLarge) {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

// checkContext calls with contexts that will not do.
func checkContext(ctx context.Context) error {
	_, err := kv.Namespace{Binding: "KV"}.Get(context.Background(), "k", 0)
	if !errors.Is(err, edge.ErrNoEvent) {
		return fmt.Errorf("a call without an event: %w", err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := edge.Sleep(short, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("a call beyond its deadline: %w", err)
	}
	_, err = kv.Namespace{Binding: "NOWHERE"}.Get(ctx, "k", 0)
	var thrown *edge.Error
	if !errors.As(err, &thrown) || !strings.Contains(thrown.Message, "NOWHERE") {
		return fmt.Errorf("a binding that is not there: %w", err)
	}
	return nil
}

// checkFetch asks a server outside: the runner's refusal comes as an answer.
func checkFetch(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://outside.example/", strings.NewReader("body"))
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: edge.Transport{}}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return same("status", resp.StatusCode, http.StatusBadGateway)
}
