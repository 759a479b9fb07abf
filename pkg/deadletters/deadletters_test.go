//go:build unix

package deadletters_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/deadletters"
)

// servers are those of all tests here, each of which has its own database.
var servers = servertest.Share("postgres")

func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }

// desk is a table with a consumer that takes what works says it takes.
type desk struct {
	deadletters.Table
	db   *pgxpool.Pool
	sent []deadletters.Letter
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	db, err := pgxpool.New(t.Context(), servertest.Database(t, servers.Start(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	d := &desk{Table: deadletters.Table{Name: "letters"}, db: db}
	for range 2 { // each start applies it
		if _, err := db.Exec(t.Context(), d.DDL()); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func letter(n int, reason string) deadletters.Letter {
	body := fmt.Appendf(nil, `{"n":%d}`, n)
	event := fmt.Sprint("event-", n)
	return deadletters.Letter{
		ID: deadletters.ID(event, body), Event: event, Key: "k", Source: "orders", Reason: reason, Error: "what\x00ever \xff", Failures: 5,
		Published: time.Unix(int64(n), 0), Body: body, Attributes: map[string]string{"ce-id": event, "x": "\x00"},
	}
}

func (d *desk) add(t *testing.T, l deadletters.Letter, want deadletters.Added) {
	t.Helper()
	got, err := d.Add(t.Context(), d.db, l)
	if err != nil || got != want {
		t.Fatalf("Add %s = %s, %v; want %s", l.Event, got, err, want)
	}
}

func (d *desk) fill(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		d.add(t, letter(i, "no-price"), deadletters.New)
	}
}

func (d *desk) step(t *testing.T) int {
	t.Helper()
	n, err := d.Step(t.Context(), d.db, func(_ context.Context, all []deadletters.Letter) error {
		d.sent = append(d.sent, all...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// take has the consumer take what was sent so far.
func (d *desk) take(t *testing.T) {
	t.Helper()
	for _, l := range d.sent {
		if err := pgx.BeginFunc(t.Context(), d.db, func(tx pgx.Tx) error { return d.Taken(t.Context(), tx, "biller", l.ID, l.Redrive) }); err != nil {
			t.Fatal(err)
		}
	}
	d.sent = nil
}

func (d *desk) redrive(t *testing.T, name string, s deadletters.Selection) deadletters.Redrive {
	t.Helper()
	r, err := d.Redrive(t.Context(), d.db, name, "ada", s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (d *desk) progress(t *testing.T, name string) string {
	t.Helper()
	r, err := d.FindRedrive(t.Context(), d.db, name)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s: %d letters, %d taken, %d died", r.State, r.Letters, r.Taken, r.Died)
}

func (d *desk) states(t *testing.T) string {
	t.Helper()
	all, err := d.List(t.Context(), d.db, deadletters.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, l := range all {
		states = append(states, string(l.State))
	}
	return strings.Join(states, " ")
}

func all() deadletters.Selection { return deadletters.Selection{Reason: "no-price"} }

func TestALetterIsShownOnceHoweverOftenItIsDelivered(t *testing.T) {
	d := newDesk(t)
	d.add(t, letter(1, "no-price"), deadletters.New)
	d.add(t, letter(1, "no-price"), deadletters.Repeated)
	other := letter(1, "no-price")
	other.Body = []byte(`{"n":"one"}`)
	other.ID = deadletters.ID(other.Event, other.Body)
	d.add(t, other, deadletters.New) // one event id, other content
	groups, err := d.Groups(t.Context(), d.db)
	if err != nil || len(groups) != 2 || groups[0].Letters != 1 || groups[0].Shape != `{"n":number}` || groups[1].Shape != `{"n":string}` {
		t.Errorf("groups %+v, %v; want one of each shape", groups, err)
	}
	l, err := d.Find(t.Context(), d.db, other.ID)
	if err != nil || string(l.Body) != `{"n":"one"}` || l.Attributes["ce-id"] != "event-1" || l.Deaths != 1 || l.State != deadletters.Open || l.Error != "whatever ?" {
		t.Errorf("Find = %+v, %v", l, err)
	}
	if _, err := d.Find(t.Context(), d.db, "nosuch"); !errors.Is(err, deadletters.ErrNotFound) {
		t.Errorf("a letter that is not there: %v", err)
	}
}

func TestPagesHaveEachLetterOnce(t *testing.T) {
	d := newDesk(t)
	d.fill(t, 5)
	d.add(t, letter(9, "malformed"), deadletters.New)
	var seen []string
	for after := ""; ; {
		page, err := d.List(t.Context(), d.db, deadletters.Filter{Reason: "no-price", After: after, Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range page {
			seen = append(seen, l.Event)
			after = l.ID
		}
		if len(page) == 0 {
			break
		}
	}
	if got := strings.Join(seen, " "); got != "event-0 event-1 event-2 event-3 event-4" {
		t.Errorf("pages hold %s", got)
	}
}

func TestARedriveSendsOneAndThenMoreAndMore(t *testing.T) {
	d := newDesk(t)
	d.fill(t, 10)
	if r := d.redrive(t, "r1", all()); r.Letters != 10 || r.State != "running" {
		t.Fatalf("redrive %+v", r)
	}
	var sizes []int
	for range 6 {
		sizes = append(sizes, d.step(t))
		d.take(t)
	}
	if !slices.Equal(sizes, []int{1, 2, 6, 1, 0, 0}) {
		t.Errorf("sent %v letters a step, want 1, then twice what was taken", sizes)
	}
	if got := d.progress(t, "r1"); got != "done: 10 letters, 10 taken, 0 died" {
		t.Error(got)
	}
	if n, _, err := d.Backlog(t.Context(), d.db); n != 0 || err != nil {
		t.Errorf("backlog %d, %v", n, err)
	}
}

func TestAskingTwiceRedrivesOnce(t *testing.T) {
	d := newDesk(t)
	d.fill(t, 3)
	first := d.redrive(t, "r1", all())
	if again := d.redrive(t, "r1", all()); again != first {
		t.Errorf("asked again: %+v, want %+v", again, first)
	}
	if other := d.redrive(t, "r2", all()); other.Letters != 0 {
		t.Errorf("another redrive of the same letters has %d", other.Letters)
	}
	if _, err := d.Redrive(t.Context(), d.db, "r1", "ada", deadletters.Selection{Key: "k"}); !errors.Is(err, deadletters.ErrReused) {
		t.Errorf("the name with another selection: %v", err)
	}
	for range 5 {
		d.step(t)
		sent := slices.Clone(d.sent)
		d.take(t)
		d.sent = sent // delivered twice
		d.take(t)
	}
	if got := d.progress(t, "r1"); got != "done: 3 letters, 3 taken, 0 died" {
		t.Error(got)
	}
}

func TestARedriveIntoABrokenConsumerStopsByItself(t *testing.T) {
	d := newDesk(t)
	d.fill(t, 20)
	d.redrive(t, "r1", all())
	d.step(t)
	died := d.sent[0]
	died.Reason = "no-price-yet"
	d.add(t, died, deadletters.Again)
	d.add(t, died, deadletters.Repeated) // buried twice, counted once
	for range 3 {
		if n := d.step(t); n != 0 {
			t.Errorf("%d letters were sent after the first had died again", n)
		}
	}
	if got := d.progress(t, "r1"); got != "stopped: 20 letters, 0 taken, 1 died" {
		t.Error(got)
	}
	if got := d.states(t); got != strings.TrimSpace(strings.Repeat("open ", 20)) {
		t.Errorf("states %s, want all open", got)
	}
	l, err := d.Find(t.Context(), d.db, died.ID)
	if err != nil || l.Deaths != 2 || l.Reason != "no-price-yet" {
		t.Errorf("it died %d times, last of %s; %v", l.Deaths, l.Reason, err)
	}
}

func TestAFewThatDieDoNotStopTheRest(t *testing.T) {
	d := newDesk(t)
	d.fill(t, 40)
	d.redrive(t, "r1", all())
	for i := 0; i < 20 && d.progress(t, "r1")[:4] != "done"; i++ {
		d.step(t)
		for i, l := range d.sent {
			if l.Event == "event-30" {
				d.add(t, l, deadletters.Again)
				d.sent = slices.Delete(d.sent, i, i+1)
				break
			}
		}
		d.take(t)
	}
	if got := d.progress(t, "r1"); got != "done: 40 letters, 39 taken, 1 died" {
		t.Error(got)
	}
}

func TestACrashBetweenSendingAndItsRecordSendsAgain(t *testing.T) {
	d := newDesk(t)
	d.fill(t, 1)
	d.redrive(t, "r1", all())
	sent := 0
	_, err := d.Step(t.Context(), d.db, func(context.Context, []deadletters.Letter) error {
		sent++
		return errors.New("as if it had ended here")
	})
	if err == nil || d.states(t) != "queued" {
		t.Errorf("after a send that failed: %v, %s", err, d.states(t))
	}
	if d.step(t) != 1 || sent != 1 {
		t.Error("the letter was not sent again")
	}
	d.take(t)
	d.step(t)
	if got := d.progress(t, "r1"); got != "done: 1 letters, 1 taken, 0 died" {
		t.Error(got)
	}
}

func TestADiscardedLetterStaysSo(t *testing.T) {
	d := newDesk(t)
	d.fill(t, 2)
	l := letter(0, "no-price")
	n, err := d.Discard(t.Context(), d.db, "ada", "a test", deadletters.Selection{IDs: []string{l.ID}})
	if again, errAgain := d.Discard(t.Context(), d.db, "ada", "a test", deadletters.Selection{IDs: []string{l.ID}}); n != 1 || again != 0 || err != nil || errAgain != nil {
		t.Errorf("discarded %d and %d, %v %v; want 1 and 0", n, again, err, errAgain)
	}
	d.add(t, l, deadletters.Repeated)
	if r := d.redrive(t, "r1", all()); r.Letters != 1 {
		t.Errorf("%d letters are redriven, want the other one", r.Letters)
	}
}

func TestEveryDecisionLeavesALine(t *testing.T) {
	d := newDesk(t)
	d.fill(t, 2)
	first, second := letter(0, "").ID, letter(1, "").ID
	d.redrive(t, "r1", deadletters.Selection{IDs: []string{first}})
	d.step(t)
	d.add(t, d.sent[0], deadletters.Again)
	d.step(t)
	d.sent = nil
	d.redrive(t, "r2", deadletters.Selection{IDs: []string{first}})
	d.step(t)
	d.take(t)
	if _, err := d.Discard(t.Context(), d.db, "bob", "nobody wants it", deadletters.Selection{IDs: []string{second}}); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		first:  "orders died; ada redrive; orders died again; ada redrive; biller taken",
		second: "orders died; bob discarded",
	} {
		lines, err := d.Audit(t.Context(), d.db, id)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range lines {
			got = append(got, l.Who+" "+l.Action)
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("audit %q, want %q", got, want)
		}
	}
}

func TestMistakesInTheCallAreRefused(t *testing.T) {
	d := newDesk(t)
	for name, s := range map[string]deadletters.Selection{
		"":                      all(),
		"a/b":                   all(),
		strings.Repeat("a", 65): all(),
		"nothing-selected":      {},
		"ids-and-group":         {IDs: []string{"a"}, Key: "k"},
		"more-ids-than-at-once": {IDs: make([]string, 1001)},
	} {
		if _, err := d.Redrive(t.Context(), d.db, name, "ada", s); !errors.Is(err, deadletters.ErrBadName) && !errors.Is(err, deadletters.ErrBadSelection) {
			t.Errorf("redrive %q: %v", name, err)
		}
	}
	if _, err := d.Discard(t.Context(), d.db, "ada", "", deadletters.Selection{}); !errors.Is(err, deadletters.ErrBadSelection) {
		t.Errorf("discard of everything: %v", err)
	}
	if _, err := d.FindRedrive(t.Context(), d.db, "nosuch"); !errors.Is(err, deadletters.ErrNotFound) {
		t.Errorf("a redrive that is not there: %v", err)
	}
}

func TestOnlySettledLettersArePurged(t *testing.T) {
	d := newDesk(t)
	d.fill(t, 2)
	if _, err := d.Discard(t.Context(), d.db, "ada", "a test", deadletters.Selection{IDs: []string{letter(0, "").ID}}); err != nil {
		t.Fatal(err)
	}
	if n, err := d.Purge(t.Context(), d.db, time.Hour, 100); n != 0 || err != nil {
		t.Errorf("purged %d young rows, %v", n, err)
	}
	if _, err := d.Purge(t.Context(), d.db, -time.Hour, 100); err != nil {
		t.Fatal(err)
	}
	if got := d.states(t); got != "open" {
		t.Errorf("left: %s, want the open one", got)
	}
}

func TestShapesTellFieldsAndTypesAndNoContent(t *testing.T) {
	for body, want := range map[string]string{
		``:                                 "empty",
		`{"b":1,"a":"x","c":[{"d":null}]}`: `{"a":string,"b":number,"c":[{"d":null}]}`,
		`{"a":{"b":{"c":{"d":{"e":1}}}}}`:  `{"a":{"b":{"c":{"d":{…}}}}}`,
		`[]`:                               "[]",
		`true`:                             "bool",
		`{"a":1} {"a":2}`:                  "text",
		`three units`:                      "text",
		"\xff\x00":                         "binary",
		`{"a\u0000b":1}`:                   `{"ab":number}`,
		`{"` + strings.Repeat("é", 150) + `":1}`: `{"` + strings.Repeat("é", 99) + "…",
	} {
		if got := deadletters.Shape([]byte(body)); got != want {
			t.Errorf("Shape(%.40q) = %s, want %s", body, got, want)
		}
	}
}

func FuzzShape(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":null}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if s := deadletters.Shape(body); s == "" || len(s) > 300 || strings.ContainsRune(s, 0) {
			t.Errorf("Shape(%q) = %q", body, s)
		}
	})
}
