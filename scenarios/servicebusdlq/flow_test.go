//go:build unix

package servicebusdlq

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"golang.org/x/sync/errgroup"
)

func TestAPaymentIsBookedOnceHoweverOftenItIsSent(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	for range 3 {
		c.pay(t, "the-first-payment-of-acme", "acme", false, `{"amount":450}`)
	}
	c.pay(t, "the-other-payment-of-acme", "acme", false, `{"amount":50,"parts":2}`)
	c.awaitPaid(t, "acme", 2)
	// Duplicate detection has forgotten it: another MessageId, the same payment.
	m := newMessage("the-first-payment-of-acme", paymentBody{Account: "acme", Version: 1, Data: []byte(`{"amount":450}`)}, time.Now())
	m.MessageID = to.Ptr("another")
	if err := c.send(t, c.queues.Plain, m); err != nil {
		t.Fatal(err)
	}
	c.pay(t, "the-last-payment-of-acme-0", "acme", false, `{"amount":1}`)
	c.awaitPaid(t, "acme", 3)
	if _, cents := c.paid(t, "acme"); cents != 450+25+1 {
		t.Errorf("booked %d cents, want 476", cents)
	}
}

func TestPoisonOfEveryKindEndsInTheQuarantineWithItsReason(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	c.startCollectors(t)
	want := map[string]string{
		"malformed":       `"four hundred"`,
		"keeps-failing":   `{"amount":1,"currency":"XYZ"}`,
		"panicked":        `{"amount":1,"parts":0}`,
		"id-reused":       `{"amount":2}`,
		"unknown-version": `{"amount":1},"version":9`,
	}
	for reason, data := range want {
		if reason == "id-reused" {
			c.pay(t, "the-payment-id-reused", "acme", false, `{"amount":1}`)
			c.awaitPaid(t, "acme", 1)
		}
		c.pay(t, "the-payment-"+reason, "acme", false, data)
	}
	for _, l := range c.awaitLetters(t, len(want)) {
		if !strings.HasSuffix(l.Payment, "-"+l.Reason) || l.Description == "" || l.State != Open {
			t.Errorf("payment %s is a letter for %s: %s", l.Payment, l.Reason, l.Description)
		}
	}
	c.pay(t, "the-payment-after-all-that", "acme", false, `{"amount":1}`)
	c.awaitPaid(t, "acme", 2)
}

func TestAMessageIDUsedForAnotherContentIsAnotherLetter(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	c.startCollectors(t)
	for queue, body := range map[string]string{c.queues.Plain: `"a"`, c.queues.Ordered: `"b"`} {
		m := newMessage("a-payment-of-somebody-else", paymentBody{Account: "acme", Ordered: queue == c.queues.Ordered, Version: 1, Data: []byte(body)}, time.Now())
		m.MessageID = to.Ptr("everybody's")
		if err := c.send(t, queue, m); err != nil {
			t.Fatal(err)
		}
	}
	c.awaitLetters(t, 2)
}

func TestASessionThatIsMissingOrAnothersIsNoPayment(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	c.startCollectors(t)
	m := newMessage("a-payment-without-a-session", paymentBody{Account: "acme", Version: 1, Data: []byte(`{"amount":1}`)}, time.Now())
	if err := c.send(t, c.queues.Ordered, m); err == nil {
		t.Error("the queue with sessions took a message without one")
	}
	m.SessionID = to.Ptr("bob")
	if err := c.send(t, c.queues.Ordered, m); err != nil {
		t.Fatal(err)
	}
	if l := c.awaitLetters(t, 1)[0]; l.Reason != reasonSession || l.Session != "bob" {
		t.Errorf("a letter of session %s for %s", l.Session, l.Reason)
	}
}

func TestMistakesAtTheDoorAreProblems(t *testing.T) {
	c := newCluster(t)
	const key = "a-key-that-is-long-enough"
	for name, bad := range map[string]struct {
		key, body string
		status    int
	}{
		"no JSON":        {key, "{", 400},
		"unknown field":  {key, `{"account":"a","data":1,"x":1}`, 400},
		"no account":     {key, `{"data":1}`, 400},
		"bad account":    {key, `{"account":"A/b","data":1}`, 400},
		"no data":        {key, `{"account":"a"}`, 400},
		"short key":      {"short", `{"account":"a","data":1}`, 400},
		"over the limit": {key, `{"account":"a","data":"` + strings.Repeat("x", MaxBody) + `"}`, 413},
	} {
		if status, body := ask(t, http.MethodPost, c.producer+"/api/payments", bad.key, bad.body); status != bad.status || !strings.Contains(body, `"type"`) {
			t.Errorf("%s: %d %s, want %d", name, status, body, bad.status)
		}
	}
	if status, _ := ask(t, http.MethodGet, c.producer+"/api/payments", "", ""); status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", status)
	}
}

func TestTheLargestBodyFitsBehindTheDoorAndIntoTheQuarantine(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	c.startCollectors(t)
	frame := `{"account":"acme","ordered":false,"data":""}`
	c.pay(t, "the-key-of-the-largest-one", "acme", false, `"`+strings.Repeat("x", MaxBody-len(frame))+`"`)
	if l := c.awaitLetters(t, 1)[0]; len(l.body) != MaxBody-len(frame)+2 {
		t.Errorf("%d bytes are kept", len(l.body))
	}
	m := &azservicebus.Message{MessageID: to.Ptr("somebody else's"), Body: []byte(strings.Repeat("y", 200<<10))}
	if err := c.send(t, c.queues.Plain, m); err != nil {
		t.Fatal(err)
	}
	c.awaitLetters(t, 2)
	for _, l := range c.kept(t) {
		if l.MessageID == "somebody else's" && len(l.body) != 200<<10 {
			t.Errorf("%d bytes of 200 KiB are kept", len(l.body))
		}
	}
}

func TestAnOutageOfStorageQuarantinesNothing(t *testing.T) {
	c := newCluster(t)
	c.startCollectors(t)
	tables := c.servers.Get("tables")
	if err := tables.Pause(); err != nil {
		t.Fatal(err)
	}
	stop := c.startProcessor(t)
	for i := range 8 {
		c.pay(t, fmt.Sprintf("payment-during-the-outage-%d", i), "acme", i%2 == 0, `{"amount":1}`)
	}
	// Twice: the first processor gives back what it holds, and a second one takes it.
	await(t, "waiting", func() bool { return c.outcome(t, "waiting") > 0 })
	stop()
	c.startProcessor(t)
	if err := tables.Resume(); err != nil {
		t.Fatal(err)
	}
	c.awaitPaid(t, "acme", 8)
	if n := len(c.kept(t)); n != 0 {
		t.Errorf("%d healthy payments are in the quarantine", n)
	}
}

// A processor that lost the lock after it booked a payment completes in vain: the
// message comes again, and is found booked.
func TestWhatIsCompletedAfterTheLockWasLostIsBookedOnce(t *testing.T) {
	c := newCluster(t)
	c.pay(t, "the-payment-whose-lock-is-lost", "acme", false, `{"amount":7}`)
	r, err := c.process.Client.NewReceiverForQueue(c.queues.Plain, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close(context.WithoutCancel(t.Context()))
	got, err := r.ReceiveMessages(t.Context(), 1, nil)
	if err != nil || len(got) != 1 {
		t.Fatalf("received %d, %v", len(got), err)
	}
	b := &processor{ledger{c.payments}, c.process.metrics, c.process.Log}
	if err := b.handle(t.Context(), got[0]); err != nil {
		t.Fatal(err)
	}
	// Nobody renews: the lock runs out, and somebody else has the message.
	c.startProcessor(t)
	await(t, "repeated", func() bool { return c.outcome(t, "done") > 0 })
	if err := r.CompleteMessage(t.Context(), got[0], nil); err == nil {
		t.Error("a message is completed whose lock was lost")
	}
	if n, cents := c.paid(t, "acme"); n != 1 || cents != 7 {
		t.Errorf("%d payments, %d cents; want 1 and 7", n, cents)
	}
}

// A processor that was frozen before it wrote wakes up among others: however many have
// the same message, each payment is charged once.
func TestManyWhoHaveTheSamePaymentBookItOnce(t *testing.T) {
	c := newCluster(t)
	const holders, payments = 4, 5
	var fresh atomic.Int32
	var all errgroup.Group
	for i := range holders * payments {
		p := payment{id: fmt.Sprintf("a-payment-held-by-many-%d", i%payments), account: "acme", content: digest("x"), amount: 10}
		all.Go(func() error {
			first, err := ledger{c.payments}.apply(t.Context(), p, p.amount)
			if first {
				fresh.Add(1)
			}
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	n, cents := c.paid(t, "acme")
	if booked := len(c.charges(t, "acme")); fresh.Load() != payments || booked != payments || n != payments || cents != payments*10 {
		t.Errorf("%d were the first, %d charges, %d payments over %d; want %d payments over %d", fresh.Load(), booked, n, cents, payments, payments*10)
	}
}

// A message that ends its processor each time never comes to be counted as a failure:
// Service Bus gives it up, and the quarantine has it like any other.
func TestWhatKillsItsProcessorIsALetterAfterTenDeliveries(t *testing.T) {
	c := newCluster(t)
	c.pay(t, "the-payment-that-kills", "acme", false, `{"amount":5}`)
	r, err := c.process.Client.NewReceiverForQueue(c.queues.Plain, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close(context.WithoutCancel(t.Context()))
	for range 10 {
		got, err := r.ReceiveMessages(t.Context(), 1, nil)
		if err != nil || len(got) != 1 {
			t.Fatalf("received %d, %v", len(got), err)
		}
		if err := r.AbandonMessage(t.Context(), got[0], nil); err != nil { // as if its lock ran out
			t.Fatal(err)
		}
	}
	c.startCollectors(t)
	l := c.awaitLetters(t, 1)[0]
	if l.Reason != "MaxDeliveryCountExceeded" || l.Payment != "the-payment-that-kills" {
		t.Errorf("a letter of %s for %s", l.Payment, l.Reason)
	}
	c.startProcessor(t)
	c.decide(t, http.MethodPut, "/api/resubmissions/mended", fmt.Sprintf(`{"ids":[%q]}`, l.ID))
	step(t, "done", c.sender(t), func() bool { return c.resubmission(t, "mended").State == done })
	if n, cents := c.paid(t, "acme"); n != 1 || cents != 5 {
		t.Errorf("%d payments, %d cents; want 1 and 5", n, cents)
	}
}

func TestAPaymentThatNobodyTookInTimeIsALetterAndCanGoBack(t *testing.T) {
	c := newCluster(t)
	m := newMessage("a-payment-that-came-of-age", paymentBody{Account: "acme", Version: 1, Data: []byte(`{"amount":5}`)}, time.Now())
	m.TimeToLive = to.Ptr(500 * time.Millisecond)
	if err := c.send(t, c.queues.Plain, m); err != nil {
		t.Fatal(err)
	}
	c.startCollectors(t)
	l := c.awaitLetters(t, 1)[0]
	if l.Reason != "TTLExpiredException" {
		t.Errorf("a letter for %s", l.Reason)
	}
	c.startProcessor(t)
	c.decide(t, http.MethodPut, "/api/resubmissions/late", fmt.Sprintf(`{"ids":[%q]}`, l.ID))
	step(t, "done", c.sender(t), func() bool { return c.resubmission(t, "late").State == done })
	if n, cents := c.paid(t, "acme"); n != 1 || cents != 5 {
		t.Errorf("%d payments, %d cents; want 1 and 5", n, cents)
	}
}

// While Service Bus is away nothing is acknowledged; what has no answer is unknown,
// and repeated with its key it is booked once.
func TestWithoutServiceBusNothingIsAcknowledged(t *testing.T) {
	c := newCluster(t)
	broker := c.servers.Get("servicebus")
	const body = `{"account":"acme","data":{"amount":5}}`
	c.pay(t, "the-payment-before-the-pause", "acme", false, `{"amount":5}`) // the link is open
	if err := broker.Pause(); err != nil {
		t.Fatal(err)
	}
	status, text := ask(t, http.MethodPost, c.producer+"/api/payments", "the-payment-during-the-pause", body)
	if status != http.StatusGatewayTimeout && status != http.StatusServiceUnavailable {
		t.Errorf("%d %s, want 503 or 504", status, text)
	}
	if err := broker.Resume(); err != nil {
		t.Fatal(err)
	}
	c.startProcessor(t)
	await(t, "accepted", func() bool {
		status, _ := ask(t, http.MethodPost, c.producer+"/api/payments", "the-payment-during-the-pause", body)
		return status == http.StatusAccepted
	})
	c.awaitPaid(t, "acme", 2)
}
