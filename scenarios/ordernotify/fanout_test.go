//go:build unix

package ordernotify

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/jackc/pgx/v5"

	"github.com/provingground/provingground/pkg/sqsconsumer"
)

func TestOrdersReachInventoryAndMail(t *testing.T) {
	c := newCluster(t)
	for range 2 {
		c.startRelay(t)
		c.startInventory(t)
		c.startEmail(t)
	}
	c.startSESEvents(t)
	for name, test := range map[string]func(*testing.T, *cluster){
		"an order is confirmed, decremented once and mailed twice": confirmed,
		"an order beyond the stock is out of stock":                outOfStock,
		"the last piece is sold once":                              lastPiece,
		"poison is quarantined with its reason":                    poison,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, c)
		})
	}
}

func (c *cluster) settled(t *testing.T, id string, status Status, mails ...string) {
	t.Helper()
	eventually(t, "order "+id+" is settled", func() bool {
		o := c.find(t, id)
		return o.Status == status && len(o.Mails) == len(mails)
	})
	got := c.find(t, id).Mails
	slices.Sort(got)
	if !slices.Equal(got, mails) {
		t.Errorf("mails of %s: %v, want %v", id, got, mails)
	}
	want := map[string]int{}
	for _, kind := range mails {
		want[kind] = 1
	}
	if got := c.inbox(t, id); !maps.Equal(got, want) {
		t.Errorf("mails that SES accepted for %s: %v, want %v", id, got, want)
	}
}

func confirmed(t *testing.T, c *cluster) {
	product := c.product(t, 10)
	id := c.place(t, product, 3)
	c.settled(t, id, Confirmed, "confirmed", "received")
	c.wantStock(t, product, 7)
}

func outOfStock(t *testing.T, c *cluster) {
	product := c.product(t, 2)
	id := c.place(t, product, 3)
	c.settled(t, id, OutOfStock, "out-of-stock", "received")
	c.wantStock(t, product, 2)
}

func lastPiece(t *testing.T, c *cluster) {
	product := c.product(t, 1)
	ids := make([]string, 5)
	for i := range ids {
		ids[i] = c.place(t, product, 1)
	}
	statuses := map[Status]int{}
	eventually(t, "all orders are decided on", func() bool {
		clear(statuses)
		for _, id := range ids {
			statuses[c.find(t, id).Status]++
		}
		return statuses[Received] == 0
	})
	if statuses[Confirmed] != 1 || statuses[OutOfStock] != 4 {
		t.Errorf("of five orders of the last piece: %v", statuses)
	}
	c.wantStock(t, product, 0)
}

func poison(t *testing.T, c *cluster) {
	for queueName, bodies := range map[string][]string{
		"ordernotify-inventory":  {`{"half":`, `{"id":"poison-version","type":"order.placed","subject":"x","schemaversion":9}`, `{"id":"poison-type","type":"order.gone","subject":"x","schemaversion":1}`},
		"ordernotify-ses-events": {`{"half":`, `{"eventType":"Send","mail":{"messageId":"poison-tags","tags":{}}}`},
		"ordernotify-email":      {`{"half":`, `{"id":"poison-order","type":"order.placed","subject":"nobody","schemaversion":1,"data":{"product":"p","quantity":1}}`},
	} {
		q := c.queue(t, queueName)
		for _, body := range bodies {
			if _, err := c.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.URL, MessageBody: &body}); err != nil {
				t.Fatal(err)
			}
			eventually(t, body+" is quarantined", func() bool {
				found := c.dead(t, queueName, body)
				return len(found) == 1 && aws.ToString(found[0].MessageAttributes[sqsconsumer.AttributeReason].StringValue) != ""
			})
		}
	}
}

func TestAMessageThatComesTwiceIsAppliedOnce(t *testing.T) {
	c := newCluster(t)
	product := c.product(t, 10)
	id := c.place(t, product, 4)
	i := &inventory{db: c.db, metrics: newMetrics()}
	e := c.newEmail(c.mailRows())
	m := sqsconsumer.Message{Body: c.events(t, id)[0]}
	for range 3 {
		if err := i.handle(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if err := e.handle(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	c.wantStock(t, product, 6)
	if got := c.inbox(t, id); !maps.Equal(got, map[string]int{"received": 1}) {
		t.Errorf("mails: %v, want one", got)
	}
	var told int
	if err := c.db.QueryRow(t.Context(), "SELECT count(*) FROM inventory_events WHERE key = $1", id).Scan(&told); err != nil || told != 1 {
		t.Errorf("inventory told of its decision %d times, %v; want once", told, err)
	}
}

// events returns the envelopes of an order's outbox rows.
func (c *cluster) events(t *testing.T, id string) (all []string) {
	t.Helper()
	r := orderEvents()
	rows, err := c.db.Query(t.Context(), "SELECT id, kind, key, body FROM "+r.Name+" WHERE key = $1", id)
	if err != nil {
		t.Fatal(err)
	}
	m, err := message(orderPlaced, id, orderData{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = pgx.ForEachRow(rows, []any{&m.ID, &m.Kind, &m.Key, &m.Body}, func() error {
		raw, err := envelope(m)
		all = append(all, string(raw))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAMailWhoseAnswerWasLostIsSentAgainOnlyAfterLeaseAndWait(t *testing.T) {
	c := newCluster(t)
	id := c.place(t, c.product(t, 1), 1)
	m := sqsconsumer.Message{Body: c.events(t, id)[0]}
	lost := c.newEmail(c.mailRows())
	lost.ses = &mailer{c.losing(), sender, "ordernotify"}
	if err := lost.handle(t.Context(), m); err == nil {
		t.Fatal("a lost answer is no success")
	}
	other := c.newEmail(c.mailRows())
	if err := other.handle(t.Context(), m); !errors.Is(err, errHeld) {
		t.Errorf("within the lease: %v, want %v", err, errHeld)
	}
	eventually(t, "lease and wait are over", func() bool { return other.handle(t.Context(), m) == nil })
	if got := c.inbox(t, id)["received"]; got != 2 {
		t.Errorf("%d mails, want the two of the one case that doubles them", got)
	}
	c.wantAttempts(t, id, "test/1 true")
}

// wantAttempts compares the attempts at the first mail that were taken over.
func (c *cluster) wantAttempts(t *testing.T, order string, want ...string) {
	t.Helper()
	rows, err := c.db.Query(t.Context(), `
SELECT a.sender || ' ' || a.answer_lost FROM mails, jsonb_to_recordset(abandoned) AS a(sender text, answer_lost boolean)
WHERE order_id = $1 AND kind = 'received'`, order)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("attempts taken over at the mail of %s: %q, %v; want %q", order, got, err, want)
	}
}

func TestTheSendEventOfALostAnswerPreventsTheSecondMail(t *testing.T) {
	c := newCluster(t)
	c.startSESEvents(t)
	id := c.place(t, c.product(t, 1), 1)
	m := sqsconsumer.Message{Body: c.events(t, id)[0]}
	rows := c.mailRows()
	rows.wait = time.Minute
	lost := c.newEmail(rows)
	lost.ses = &mailer{c.losing(), sender, "ordernotify"}
	if err := lost.handle(t.Context(), m); err == nil {
		t.Fatal("a lost answer is no success")
	}
	other := c.newEmail(rows)
	eventually(t, "SES's own event is recorded", func() bool { return other.handle(t.Context(), m) == nil })
	if got := c.inbox(t, id)["received"]; got != 1 {
		t.Errorf("%d mails, want 1", got)
	}
	c.wantAttempts(t, id)
}

func TestAnEventThatComesTwiceOrMakesNoSenseChangesNothing(t *testing.T) {
	c := newCluster(t)
	id := c.place(t, c.product(t, 1), 1)
	rows := c.mailRows()
	if _, err := rows.claim(t.Context(), id, "received"); err != nil {
		t.Fatal(err)
	}
	events := &sesEvents{mails: rows, metrics: newMetrics()}
	event := func(messageID string) string {
		return `{"eventType":"Send","mail":{"messageId":"` + messageID + `","tags":{"order":["` + id + `"],"kind":["received"],"ses:caller-identity":["x"]}},"send":{}}`
	}
	for _, body := range []string{event("m-1"), event("m-2"), `{"eventType":"Open","mail":{}}`, "Successfully validated SNS topic for Amazon SES event publishing."} {
		if err := events.handle(t.Context(), sqsconsumer.Message{Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	for _, body := range []string{"{", `{"eventType":"Send","mail":{"messageId":"m-3","tags":{}}}`} {
		if err := events.handle(t.Context(), sqsconsumer.Message{Body: body}); err == nil {
			t.Errorf("%s is no error", body)
		}
	}
	c.wantRows(t, 1, "SELECT count(*) FROM mails WHERE state = 'sent' AND message_id = 'm-1'")
}

func TestASenderThatSleptOrWasToldToStopDoesNotAskSES(t *testing.T) {
	c := newCluster(t)
	product := c.product(t, 2)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for name, tt := range map[string]struct {
		ctx   context.Context
		lease time.Duration
	}{
		"slept through its lease": {t.Context(), 0},
		"told to stop":            {stopped, time.Minute},
	} {
		id := c.place(t, product, 1)
		rows := c.mailRows()
		rows.lease = tt.lease
		claim, err := rows.claim(t.Context(), id, "received")
		if err != nil {
			t.Fatal(err)
		}
		e := c.newEmail(rows)
		if err := e.send(tt.ctx, claim, event{}); err == nil {
			t.Errorf("%s: no error", name)
		}
		if got := c.inbox(t, id); len(got) != 0 {
			t.Errorf("%s: mails %v", name, got)
		}
		if again, err := rows.claim(t.Context(), id, "received"); err != nil || again.takeovers != 0 {
			t.Errorf("%s: the next claim is %+v, %v; want one at once, and no takeover", name, again, err)
		}
	}
}

func TestASendThatHasBegunOutlivesItsMessage(t *testing.T) {
	c := newCluster(t)
	id := c.place(t, c.product(t, 1), 1)
	ctx, lose := context.WithCancel(t.Context())
	e := c.newEmail(c.mailRows())
	e.ses = &mailer{c.during(lose), sender, "ordernotify"}
	if err := e.handle(ctx, sqsconsumer.Message{Body: c.events(t, id)[0]}); err != nil {
		t.Fatal(err)
	}
	c.wantRows(t, 1, "SELECT count(*) FROM mails WHERE state = 'sent' AND abandoned = '[]'")
}

// during is SES at whose call something happens.
func (c *cluster) during(happen func()) *ses.Client {
	o := c.ses.Options()
	o.HTTPClient = during(happen)
	return ses.New(o)
}

type during func()

func (d during) Do(r *http.Request) (*http.Response, error) {
	d()
	return http.DefaultClient.Do(r)
}

func TestASenderThatSleptThroughItsLeaseChangesNothing(t *testing.T) {
	c := newCluster(t)
	id := c.place(t, c.product(t, 1), 1)
	rows := c.mailRows()
	zombie, err := rows.claim(t.Context(), id, "received")
	if err != nil {
		t.Fatal(err)
	}
	var later claim
	eventually(t, "another attempt takes over", func() bool {
		later, err = rows.claim(t.Context(), id, "received")
		return err == nil && !later.over
	})
	if err := rows.refused(t.Context(), zombie, "it woke up"); err != nil {
		t.Fatal(err)
	}
	if err := rows.release(t.Context(), zombie); err != nil {
		t.Fatal(err)
	}
	if err := rows.sent(t.Context(), later, "m-2"); err != nil {
		t.Fatal(err)
	}
	var state, messageID string
	if err := c.db.QueryRow(t.Context(), "SELECT state, message_id FROM mails WHERE order_id = $1", id).Scan(&state, &messageID); err != nil || state != "sent" || messageID != "m-2" {
		t.Errorf("the row is %s by %s, %v; want that of the later attempt", state, messageID, err)
	}
}

// losing is SES whose answers do not arrive.
func (c *cluster) losing() *ses.Client {
	o := c.ses.Options()
	o.HTTPClient = losing{}
	return ses.New(o)
}

type losing struct{}

func (losing) Do(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	resp.Body.Close()
	return nil, context.DeadlineExceeded
}

func TestTheMailSaysWhatHappenedAndWhichOneItIs(t *testing.T) {
	for kind, want := range map[string]string{"received": "received", "confirmed": "confirmed", "out-of-stock": "out of stock"} {
		subject, body := text(claim{order: "ABC", kind: kind}, event{Data: orderData{Product: "cup", Quantity: 2}})
		if !strings.Contains(subject, want) || !strings.Contains(subject, "ABC") || !strings.Contains(body, "2 × cup") || !strings.HasSuffix(body, "Reference: ABC/"+kind+"\n") {
			t.Errorf("%s: %q, %q", kind, subject, body)
		}
	}
}
