//go:build unix

package webhooks

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
)

func TestEventsAreAppliedOnceInTheirOrder(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	c.startProcessor(t)
	const n = 60
	for i := range n {
		c.urls[0], c.urls[1] = c.urls[1], c.urls[0] // one event here, one there
		c.accept(t, body(fmt.Sprintf("evt_%d", i), map[string]any{
			"version": i + 1, "type": typeChanged, "data": map[string]any{"amount": 1, "plan": fmt.Sprintf("plan-%d", i)},
		}))
	}
	eventually(t, "all are applied", func() bool { return c.rows(t) == n })
	if a := c.account(t, "acme"); a.Events != n || a.Received != n || a.Version != n || a.Plan != fmt.Sprintf("plan-%d", n-1) {
		t.Errorf("account %+v", a)
	}
	rows, err := c.db.Query(t.Context(), "SELECT version FROM inbox ORDER BY seq")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for want := int64(1); rows.Next(); want++ {
		var got int64
		if err := rows.Scan(&got); err != nil || got != want {
			t.Fatalf("version %d was applied as number %d, %v", got, want, err)
		}
	}
}

func TestTheSameEventTenTimesAtOnceIsAppliedOnce(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	c.startProcessor(t)
	raw := body("evt_1", nil)
	statuses := make(chan int, 10)
	for i := range cap(statuses) {
		go func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.urls[i%2]+"/webhooks/payments", bytes.NewReader(raw))
			if err != nil {
				t.Error(err)
			}
			req.Header = stripe(raw)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				statuses <- 0
				return
			}
			resp.Body.Close()
			statuses <- resp.StatusCode
		}()
	}
	for range cap(statuses) {
		if status := <-statuses; status != http.StatusAccepted {
			t.Errorf("status %d", status)
		}
	}
	c.accept(t, body("evt_2", map[string]any{"version": 2})) // of the same account: it comes after all of those
	eventually(t, "the last event is applied", func() bool { return c.rows(t) == 2 })
	if a := c.account(t, "acme"); a.Events != 2 || a.Received != 200 {
		t.Errorf("account %+v, want each event once", a)
	}
}

func TestAnUnknownTypeIsRememberedAndHasNoEffect(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	c.accept(t, body("evt_1", map[string]any{"type": "something.new"}))
	eventually(t, "it is in the inbox", func() bool { return c.rows(t) == 1 })
	if a := c.account(t, "acme"); a.Received != 0 || a.Events != 1 {
		t.Errorf("account %+v", a)
	}
}

func TestALateEventAppliesByItsVersion(t *testing.T) {
	c := newCluster(t)
	for i, version := range []int{3, 1, 2} {
		e, err := parse("payments", body(fmt.Sprintf("evt_%d", i), map[string]any{
			"version": version, "type": typeChanged, "data": map[string]any{"amount": 10, "plan": fmt.Sprintf("plan-%d", version)},
		}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.inbox.apply(t.Context(), []Event{e}); err != nil {
			t.Fatal(err)
		}
	}
	if a := c.account(t, "acme"); a.Version != 3 || a.Plan != "plan-3" || a.Received != 30 {
		t.Errorf("account %+v, want the state of version 3 and the sum of all", a)
	}
}

func TestPoisonIsDeadLetteredWithItsReasonAndTheOthersAreApplied(t *testing.T) {
	c := newCluster(t)
	// An event whose part of the inbox is missing: PostgreSQL refuses its whole batch.
	lost := time.Now().Add(-10 * day)
	if _, err := c.db.Exec(t.Context(), "DROP TABLE inbox_"+lost.UTC().Format("20060102")); err != nil {
		t.Fatal(err)
	}
	topic := c.client.Publisher("webhooks-events")
	topic.EnableMessageOrdering = true
	defer topic.Stop()
	publish := func(id string, raw []byte, change func(*pubsub.Message)) {
		e := Event{ID: id, Account: "acme", provider: "payments", raw: raw}
		m := message(e)
		if change != nil {
			change(m)
		}
		if _, err := topic.Publish(t.Context(), m).Get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	publish("evt_1", body("evt_1", nil), nil)
	publish("evt_2", body("evt_2", nil), func(m *pubsub.Message) { m.Attributes[attributeSchema] = "7" })
	publish("evt_3", []byte("no JSON"), nil)
	publish("evt_4", body("evt_4", nil), func(m *pubsub.Message) { delete(m.Attributes, attributeSource) })
	publish("evt_5", body("evt_5", map[string]any{"created": time.Now().Add(-31 * day).Unix()}), nil)
	publish("evt_6", body("evt_6", map[string]any{"created": lost.Unix()}), nil)
	publish("evt_7", body("evt_7", nil), nil)
	c.startProcessor(t)
	eventually(t, "the healthy ones are applied", func() bool { return c.rows(t) == 2 })
	reasons := c.deadLetters(t, 5)
	for _, want := range []string{`unknown schema version "7"`, "malformed event: invalid character", "no provider", "older than what is remembered", "PostgreSQL refuses it"} {
		if !sentence(reasons, want) {
			t.Errorf("no dead letter says %q: %q", want, reasons)
		}
	}
	if len(reasons) != 5 {
		t.Errorf("%d dead letters, want 5: %q", len(reasons), reasons)
	}
}

func TestAnOutageOfTheDatabaseLosesAndDeadLettersNothing(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	if err := c.servers.Get("postgres").Kill(); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		c.accept(t, body(fmt.Sprintf("evt_%d", i), map[string]any{"version": i + 1}))
	}
	if err := c.servers.Get("postgres").Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all are applied", func() bool { return c.rows(t) == 5 })
	if a := c.account(t, "acme"); a.Events != 5 || a.Received != 500 {
		t.Errorf("account %+v", a)
	}
	if left := c.deadLetters(t, 0); len(left) != 0 {
		t.Errorf("dead letters: %q", left)
	}
}

func TestAKillOfPubSubLosesNothingThatWasAccepted(t *testing.T) {
	c := newCluster(t)
	c.accept(t, body("evt_1", nil))
	if err := c.servers.Get("pubsub").Kill(); err != nil {
		t.Fatal(err)
	}
	raw := body("evt_2", map[string]any{"version": 2})
	if status, text, _ := c.post(t, "/webhooks/payments", stripe(raw), bytes.NewReader(raw)); status != http.StatusGatewayTimeout {
		t.Errorf("without Pub/Sub: %d %s, want 504", status, text)
	}
	if err := c.servers.Get("pubsub").Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the account goes on", func() bool {
		status, _, _ := c.post(t, "/webhooks/payments", stripe(raw), bytes.NewReader(raw))
		return status == http.StatusAccepted
	})
	c.startProcessor(t)
	eventually(t, "both are applied", func() bool { return c.rows(t) == 2 })
}

// TestAZombieAndItsSuccessorApplyABatchOnce has several processes apply the same
// batch at the same time, as after a lease that ended, in other orders.
func TestAZombieAndItsSuccessorApplyABatchOnce(t *testing.T) {
	c := newCluster(t)
	var batch []Event
	for i := range 40 {
		e, err := parse("payments", body(fmt.Sprintf("evt_%d", i), map[string]any{"account": fmt.Sprintf("a%d", i%7), "version": i + 1}))
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, e)
	}
	type result struct {
		fresh int
		err   error
	}
	results := make(chan result, 8)
	for i := range cap(results) {
		mine := slices.Clone(batch)
		if i%2 == 1 {
			slices.Reverse(mine)
		}
		go func() {
			fresh, err := c.inbox.apply(t.Context(), append(mine, mine[0])) // one twice in itself
			results <- result{fresh, err}
		}()
	}
	fresh := 0
	for range cap(results) {
		r := <-results
		if r.err != nil {
			t.Error(r.err)
		}
		fresh += r.fresh
	}
	var events, received int
	if err := c.db.QueryRow(t.Context(), "SELECT sum(events), sum(received) FROM accounts").Scan(&events, &received); err != nil {
		t.Fatal(err)
	}
	if fresh != 40 || events != 40 || received != 4000 {
		t.Errorf("%d fresh, %d events and %d cents in the accounts, want 40, 40 and 4000", fresh, events, received)
	}
}

func TestAReplayChangesNothing(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	const n = 7
	for i := range n {
		c.accept(t, body(fmt.Sprintf("evt_%d", i), map[string]any{"version": i + 1}))
	}
	c.accept(t, body("evt_other", map[string]any{"account": "other"}))
	eventually(t, "all are applied", func() bool { return c.rows(t) == n+1 })
	before := c.account(t, "acme")
	for _, tt := range []struct {
		from time.Time
		want int
	}{{time.Now().Add(-time.Hour), n}, {time.Now().Add(time.Hour), 0}} {
		if got, err := Replay(t.Context(), c.db, c.client, "webhooks-events", "payments", "acme", tt.from); err != nil || got != tt.want {
			t.Errorf("Replay from %s = %d, %v; want %d", tt.from, got, err, tt.want)
		}
	}
	c.accept(t, body("evt_last", map[string]any{"version": n + 1})) // it comes after what was replayed
	eventually(t, "the last event is applied", func() bool { return c.rows(t) == n+2 })
	after := c.account(t, "acme")
	if after.Events != before.Events+1 || after.Received != before.Received+100 {
		t.Errorf("before %+v, after the replay and one event %+v", before, after)
	}
}

func TestAProcessorThatStopsFinishesWhatItHas(t *testing.T) {
	c := newCluster(t)
	stop := c.startProcessor(t)
	for i := range 20 {
		c.accept(t, body(fmt.Sprintf("evt_%d", i), map[string]any{"account": fmt.Sprintf("a%d", i)}))
	}
	stop()
	c.startProcessor(t)
	eventually(t, "all are applied", func() bool { return c.rows(t) == 20 })
}

func TestPartitionsComeAndGoWithTheDays(t *testing.T) {
	c := newCluster(t)
	e, err := parse("payments", body("evt_1", nil))
	if err != nil {
		t.Fatal(err)
	}
	apply := func() int {
		fresh, err := c.inbox.apply(t.Context(), []Event{e})
		if err != nil {
			t.Fatal(err)
		}
		return fresh
	}
	if apply() != 1 {
		t.Error("a new event was not applied")
	}
	for _, later := range []int{0, 15, 29} { // days, in which its provider sends it again
		if err := partition(t.Context(), c.db, time.Now().Add(time.Duration(later)*day)); err != nil {
			t.Fatal(err)
		}
		if apply() != 0 {
			t.Errorf("after %d days the event is applied again", later)
		}
	}
	if err := partition(t.Context(), c.db, time.Now().Add(33*day)); err != nil {
		t.Fatal(err)
	}
	if n := c.rows(t); n != 0 {
		t.Errorf("%d rows are kept for longer than they are remembered", n)
	}
	if err := e.aged(time.Now().Add(31*day), Remembered); err == nil {
		t.Error("an event that is forgotten would be applied again")
	}
}

func TestMoreConnectionsThanTheServerHasAreAMistakeAtTheStart(t *testing.T) {
	c := newCluster(t)
	if err := fits(t.Context(), c.db, 10, 4); err != nil {
		t.Error(err)
	}
	if err := fits(t.Context(), c.db, 100, 4); err == nil || !strings.Contains(err.Error(), "lower MAX_INSTANCES or DB_POOL") {
		t.Errorf("100 instances with 4 connections: %v", err)
	}
}

func TestAnAccountIsShown(t *testing.T) {
	c := newCluster(t)
	e, err := parse("payments", body("evt_1", nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.inbox.apply(context.WithoutCancel(t.Context()), []Event{e}); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /api/accounts/{provider}/{account}", accounts(c.inbox))
	for path, want := range map[string]int{"/api/accounts/payments/acme": 200, "/api/accounts/repos/acme": 404, "/api/accounts/payments/none": 404} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := &statusWriter{header: http.Header{}, status: 200}
		if mux.ServeHTTP(w, req); w.status != want {
			t.Errorf("%s: %d, want %d", path, w.status, want)
		}
	}
}
