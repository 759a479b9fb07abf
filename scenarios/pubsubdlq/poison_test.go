//go:build unix

package pubsubdlq

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

func TestPoisonOfEveryKindDiesOfItsReasonAndTheRestIsCharged(t *testing.T) {
	c := newCluster(t)
	c.set(t, "good", `{"price":10}`)
	c.set(t, "unpriced", `{}`)
	c.set(t, "slow", `{"price":10,"partner_ms":3600000}`)
	c.set(t, "packless", `{"price":10,"pack":0}`)
	c.startSubscriber(t, Skip)
	c.startDeadLetters(t)
	c.use(t, "", "good", `"data":"three units"`)
	c.use(t, "", "good", `"version":9,"data":{"units":1}`)
	c.use(t, "", "good", `"data":{"units":-1000000}`)
	c.use(t, "", "good", `"data":{"units":1.5}`)
	for _, account := range []string{"unpriced", "slow", "packless", "nobody"} {
		c.use(t, "", account, `"data":{"units":1}`)
	}
	c.use(t, "an-event-that-is-repeated", "good", `"data":{"units":3}`)
	c.use(t, "an-event-that-is-repeated", "good", `"data":{"units":3}`)
	c.use(t, "an-event-that-is-repeated", "good", `"data":{"units":4}`)
	c.use(t, "", "good", `"data":{"units":5}`)
	const want = "id-reused open, keeps-failing open, malformed open, malformed open, panicked open, refused-by-database open, too-slow open, unknown-account open, unknown-version open"
	eventually(t, "all poison is dead", func() bool { return c.letters(t) == want })
	if got := c.charged(t, "good"); got != "3 5" {
		t.Errorf("charged %q, want 3 and 5, once each", got)
	}
	if n := c.count(t, "SELECT count(*) FROM dead_letters WHERE failures <> CASE WHEN reason IN ('keeps-failing', 'panicked', 'too-slow') THEN 5 ELSE 1 END"); n != 0 {
		t.Errorf("%d letters have another number of failures than their kind has", n)
	}
	if n := c.count(t, "SELECT balance FROM accounts WHERE id = 'good'"); n != 80 {
		t.Errorf("balance %d, want 80", n)
	}
}

func TestADeadDatabaseMakesNoDeadLetters(t *testing.T) {
	c := newCluster(t)
	c.set(t, "good", `{"price":10}`)
	c.startSubscriber(t, Skip)
	c.startDeadLetters(t)
	if err := c.servers.Get("postgres").Kill(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		c.use(t, "", "good", `"data":{"units":1}`)
	}
	if err := c.servers.Get("postgres").Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all is charged", func() bool {
		var n int
		err := c.db.QueryRow(t.Context(), "SELECT count(*) FROM charges WHERE account = 'good'").Scan(&n)
		return err == nil && n == 20
	})
	if got := c.letters(t); got != "" {
		t.Errorf("dead letters: %s", got)
	}
	if n := c.count(t, "SELECT count(*) FROM failures"); n != 0 {
		t.Errorf("%d messages have failures because of an outage", n)
	}
}

func TestADeadLetterTopicWithoutASubscriptionIsRefusedAtStart(t *testing.T) {
	c := newCluster(t)
	if err := checkDeadLetters(t.Context(), c.client, "pubsubdlq-dead"); err != nil {
		t.Fatal(err)
	}
	err := c.client.SubscriptionAdminClient.DeleteSubscription(t.Context(), &pubsubpb.DeleteSubscriptionRequest{
		Subscription: "projects/" + c.client.Project() + "/subscriptions/pubsubdlq-dead",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"pubsubdlq-dead", "no-such-topic"} {
		if err := checkDeadLetters(t.Context(), c.client, topic); !errors.Is(err, ErrNoDeadLetters) {
			t.Errorf("%s: %v", topic, err)
		}
	}
}

// TestBehindPoison says what the two choices do with events of the same account.
func TestBehindPoison(t *testing.T) {
	send := func(c *cluster) {
		c.use(t, "", "late", `"data":{"units":1}`) // there is no such account yet
		for i := 2; i <= 4; i++ {
			c.use(t, "", "late", fmt.Sprintf(`"data":{"units":%d}`, i))
		}
	}
	t.Run("skipped events pass it", func(t *testing.T) {
		c := newCluster(t)
		c.set(t, "late", `{"price":10}`)
		c.startSubscriber(t, Skip)
		c.startDeadLetters(t)
		c.use(t, "", "late", `"data":"poison"`)
		c.use(t, "", "late", `"data":{"units":2}`)
		eventually(t, "the next is charged", func() bool { return c.charged(t, "late") == "2" })
		eventually(t, "the poison is dead", func() bool { return c.letters(t) == "malformed open" })
	})
	t.Run("parked events wait and keep their order", func(t *testing.T) {
		c := newCluster(t)
		c.startSubscriber(t, Park)
		c.startDeadLetters(t)
		send(c)
		c.use(t, "", "acme", `"data":{"units":9}`)
		eventually(t, "all four are dead", func() bool { return strings.Count(c.letters(t), "open") == 4 })
		eventually(t, "another account is charged", func() bool { return c.charged(t, "acme") == "9" })
		c.set(t, "late", `{"price":10}`)
		c.use(t, "", "late", `"data":{"units":5}`)
		eventually(t, "what comes later is parked, too", func() bool { return strings.Count(c.letters(t), "open") == 5 })
		if status := c.atDesk(t, "PUT", "/api/redrives/late", `{"key":"late"}`, nil); status != 202 {
			t.Fatalf("redrive: %d", status)
		}
		eventually(t, "all are charged", func() bool { return c.charged(t, "late") == "1 2 3 4 5" })
		eventually(t, "the key is free", func() bool { return c.count(t, "SELECT count(*) FROM parked") == 0 })
		c.use(t, "", "late", `"data":{"units":6}`)
		eventually(t, "the next passes", func() bool { return c.charged(t, "late") == "1 2 3 4 5 6" })
	})
	t.Run("a discarded one lets the rest go on", func(t *testing.T) {
		c := newCluster(t)
		c.set(t, "late", `{"price":10}`)
		c.startSubscriber(t, Park)
		c.startDeadLetters(t)
		c.use(t, "", "late", `"data":"poison"`)
		c.use(t, "", "late", `"data":{"units":2}`)
		eventually(t, "both are dead", func() bool { return c.letters(t) == "malformed open, parked open" })
		c.atDesk(t, "POST", "/api/discards", `{"reason":"malformed","why":"a test"}`, nil)
		c.atDesk(t, "PUT", "/api/redrives/r1", `{"reason":"parked"}`, nil)
		eventually(t, "the next is charged", func() bool { return c.charged(t, "late") == "2" })
	})
}

func TestWhatPubSubGaveUpIsShownToo(t *testing.T) {
	c := newCluster(t)
	c.startDeadLetters(t)
	topic := newTopic(c.client, "pubsubdlq-dead", false)
	defer topic.Stop()
	m := &pubsub.Message{Data: []byte{0xff, 0}, Attributes: map[string]string{forwarded + "Subscription": "pubsubdlq-subscriber", forwarded + "DeliveryCount": "100"}}
	if err := topic.Publish(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is shown", func() bool { return c.letters(t) == "given-up-by-pubsub open" })
	if n := c.count(t, "SELECT failures FROM dead_letters WHERE shape = 'binary' AND source = 'pubsubdlq-subscriber'"); n != 100 {
		t.Errorf("%d deliveries, want 100", n)
	}
}
