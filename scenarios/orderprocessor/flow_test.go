//go:build unix

package orderprocessor

import (
	"slices"
	"strings"
	"testing"
)

func TestAnOrderIsProcessedOnceHoweverOftenItComes(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	for range 3 {
		if status, body := c.place(t, "the-key-of-the-order", orderOf("anna")); status != 202 {
			t.Fatalf("%d: %s", status, body)
		}
	}
	await(t, "processed", func() bool { return c.customer(t, "anna").orders == 1 })
	if status, body := c.place(t, "the-key-of-another-order", orderOf("anna")); status != 202 {
		t.Fatalf("%d: %s", status, body)
	}
	await(t, "both processed", func() bool { return c.customer(t, "anna").orders == 2 })
	if got := c.customer(t, "anna"); got.total != 1800 {
		t.Errorf("%+v, want 1800 cents", got)
	}
}

func TestAKeyWithAnotherContentIsADeadLetterAndTheNextOrderPasses(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	other := `{"customer":"anna","items":[{"sku":"pot","quantity":1,"price":9900}]}`
	for _, o := range []struct{ key, body string }{{"the-key-of-the-order", orderOf("anna")}, {"the-key-of-the-order", other}, {"the-key-of-the-next", orderOf("anna")}} {
		if status, body := c.place(t, o.key, o.body); status != 202 {
			t.Fatalf("%d: %s", status, body)
		}
	}
	await(t, "the others processed", func() bool { return c.customer(t, "anna").orders == 2 })
	if got := c.customer(t, "anna"); got.total != 1800 {
		t.Errorf("%+v, want 1800 cents: the first content counts", got)
	}
	await(t, "listed", func() bool { return slices.Equal(c.letters(t), []string{"anna " + reasonReused}) })
}

func TestWhatIsNoOrderIsADeadLetterWithItsReason(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	good := map[string]any{propertySchema: schemaVersion, propertyID: strings.Repeat("a", 32)}
	for _, m := range []struct {
		session, body string
		properties    map[string]any
	}{
		{"a", "{", good},
		{"b", orderOf("b"), map[string]any{propertySchema: "9", propertyID: strings.Repeat("a", 32)}},
		{"c", orderOf("somebody-else"), good},
		{"d", orderOf("d"), map[string]any{propertySchema: schemaVersion, propertyID: "../x"}},
	} {
		if err := c.send(t, m.session, m.body, m.properties); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"a malformed", "b unknown-schema", "c session-mismatch", "d malformed"}
	await(t, "dead letters", func() bool { got := c.letters(t); slices.Sort(got); return slices.Equal(got, want) })
	if err := c.send(t, "", orderOf("e"), good); err == nil {
		t.Error("the queue takes a message without a session")
	}
}

func TestAProcessorThatLostItsSessionChangesNothing(t *testing.T) {
	c := newCluster(t)
	one, err := parse([]byte(orderOf("anna")))
	if err != nil {
		t.Fatal(err)
	}
	one.identify("the-key-of-the-order")
	zombie, heir := newStore(c.common.Table), newStore(c.common.Table)
	// Both have read the status; the heir commits first.
	before, err := zombie.status(t.Context(), "anna")
	if err != nil {
		t.Fatal(err)
	}
	zombie.remember("anna", before)
	if fresh, err := heir.apply(t.Context(), one, 1); !fresh || err != nil {
		t.Fatalf("the heir: %v, %v", fresh, err)
	}
	if fresh, err := zombie.apply(t.Context(), one, 1); fresh || err != nil {
		t.Errorf("the zombie: %v, %v, want that it finds the order processed", fresh, err)
	}
	two := one
	two.identify("the-key-of-the-next")
	zombie.remember("anna", before)
	if fresh, err := zombie.apply(t.Context(), two, 2); !fresh || err != nil {
		t.Errorf("a stale status: %v, %v, want that it is read anew", fresh, err)
	}
	if got := c.customer(t, "anna"); got.orders != 2 || got.total != 1800 {
		t.Errorf("status %+v", got)
	}
}

func TestBadOrdersAreRefusedAtTheDoor(t *testing.T) {
	c := newCluster(t)
	const key = "a-key-that-is-long-enough"
	for name, bad := range map[string]struct {
		key, body string
		status    int
	}{
		"no key":            {"", orderOf("anna"), 400},
		"short key":         {"short", orderOf("anna"), 400},
		"no JSON":           {key, "{", 400},
		"unknown field":     {key, `{"customer":"a","items":[{"sku":"c","quantity":1,"price":1}],"x":1}`, 400},
		"no customer":       {key, `{"items":[{"sku":"c","quantity":1,"price":1}]}`, 400},
		"slash in customer": {key, orderOf("a/b"), 400},
		"no items":          {key, `{"customer":"a","items":[]}`, 400},
		"no quantity":       {key, `{"customer":"a","items":[{"sku":"c","price":1}]}`, 400},
		"too large":         {key, `{"customer":"a","note":"` + strings.Repeat("x", MaxBody) + `"}`, 413},
	} {
		if status, body := c.place(t, bad.key, bad.body); status != bad.status || !strings.Contains(body, `"type"`) {
			t.Errorf("%s: %d %s, want %d", name, status, body, bad.status)
		}
	}
}

func TestTheLargestOrderFitsBehindTheDoor(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	body := `{"customer":"anna","items":[{"sku":"c","quantity":1,"price":1}],"note":"`
	body += strings.Repeat("x", MaxBody-len(body)-2) + `"}`
	if status, text := c.place(t, "the-key-of-the-largest", body); status != 202 {
		t.Fatalf("%d: %s", status, text)
	}
	await(t, "processed", func() bool { return c.customer(t, "anna").orders == 1 })
}

func TestWithoutABrokerNothingIsAcceptedAndAfterwardsItGoesOn(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	if status, body := c.place(t, "the-key-of-the-order", orderOf("anna")); status != 202 {
		t.Fatalf("%d: %s", status, body)
	}
	broker := c.servers.Get("servicebus")
	if err := broker.Kill(); err != nil {
		t.Fatal(err)
	}
	if status, body := c.place(t, "the-key-of-the-next", orderOf("anna")); status != 503 && status != 504 {
		t.Errorf("without a broker: %d %s", status, body)
	}
	if err := broker.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, "accepted", func() bool { status, _ := c.place(t, "the-key-of-the-next", orderOf("anna")); return status == 202 })
	await(t, "processed", func() bool { return c.customer(t, "anna").orders == 2 })
}
