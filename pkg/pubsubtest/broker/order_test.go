package broker

import (
	"testing"
	"time"
)

func TestAKeyIsDeliveredInOrderAndOthersGoOn(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, ordered)
	w.publish(topicT, "K:a", "L:x", "K:b", "free", "K:c", "L:y")
	c := &Consumer{Stream: true}
	if got := w.pull(s, c, 100); got != "a x b free c y" && got != "a b c x y free" {
		t.Logf("delivered %q", got)
	}
	w.ack(s, "a")
	w.nack(s, "b")
	if got := w.pull(s, c, 100); got != "b c" {
		t.Errorf("after a nack of b: %q, want b and the later one of its key", got)
	}
	w.ack(s, "b", "c", "x", "y", "free")
	w.backlog(s, 0)
}

func TestARedeliveryBringsLaterAcknowledgedMessagesToo(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, ordered)
	w.publish(topicT, "K:a", "K:b", "K:c")
	c := &Consumer{Stream: true}
	w.pull(s, c, 100)
	w.ack(s, "b", "c") // they do not count before a
	w.backlog(s, 3)
	w.nack(s, "a")
	if got := w.pull(s, c, 100); got != "a b c" {
		t.Errorf("got %q, want all of them", got)
	}
	w.ack(s, "c", "b", "a")
	w.backlog(s, 0)
}

func TestAnExpiryInAKeyEndsTheLeasesOfLaterOnes(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, ordered)
	w.publish(topicT, "K:a", "K:b")
	c := &Consumer{Stream: true}
	w.pull(s, c, 100)
	w.extend(s, 10*time.Minute, "b")
	stale := w.ids["b"]
	w.after(10 * time.Second)
	w.b.Advance(w.now)
	if c.Outstanding() != 0 {
		t.Errorf("%d outstanding", c.Outstanding())
	}
	if _, err := w.b.Acknowledge(w.now, s, []string{stale}); err != nil { // would break the order
		t.Error(err)
	}
	if got := w.pull(s, c, 100); got != "a b" {
		t.Errorf("got %q", got)
	}
}

func TestAKeyStaysWithTheClientThatHasIt(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, ordered)
	one, two := &Consumer{Stream: true}, &Consumer{Stream: true}
	w.publish(topicT, "K:a", "L:x")
	if got := w.pull(s, one, 1); got != "a" {
		t.Fatalf("got %q", got)
	}
	w.publish(topicT, "K:b")
	if got := w.pull(s, two, 100); got != "x" {
		t.Errorf("the other client got %q, want x only", got)
	}
	if got := w.pull(s, one, 100); got != "b" {
		t.Errorf("the client with the key got %q, want b", got)
	}
	w.ack(s, "a", "b")
	w.publish(topicT, "K:c")
	if got := w.pull(s, two, 100); got != "c" {
		t.Errorf("with nothing outstanding another client got %q, want c", got)
	}
}

func TestAKeyOfAClosedStreamWaitsForItsDeadline(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, ordered)
	gone, next := &Consumer{Stream: true}, &Consumer{Stream: true}
	w.publish(topicT, "K:a", "K:b")
	w.b.Open(w.now, s)
	w.pull(s, gone, 1)
	w.b.Close(w.now, s, gone)
	if got := w.pull(s, next, 100); got != "" {
		t.Errorf("got %q while a is outstanding elsewhere", got)
	}
	w.after(10 * time.Second)
	if got := w.pull(s, next, 100); got != "a b" {
		t.Errorf("got %q after the deadline", got)
	}
}

func TestOnePullTakesARowOfAKeyAndTheNextOneWaits(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, ordered)
	w.publish(topicT, "K:a", "K:b", "K:c")
	if got := w.pull(s, &Consumer{}, 2); got != "a b" {
		t.Fatalf("got %q", got)
	}
	w.gets(s, "")
	w.ack(s, "b")
	w.gets(s, "")
	w.ack(s, "a")
	w.gets(s, "c")
}

func TestPushHasOneOutstandingOfAKey(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, ordered)
	pusher := &Consumer{Single: true}
	w.publish(topicT, "K:a", "K:b", "L:x", "L:y")
	if got := w.pull(s, pusher, 100); got != "a x" {
		t.Fatalf("got %q", got)
	}
	w.ack(s, "a")
	if got := w.pull(s, pusher, 100); got != "b" {
		t.Errorf("after the first of K: %q", got)
	}
	w.nack(s, "x")
	if got := w.pull(s, pusher, 100); got != "x" {
		t.Errorf("after a failure of L: %q", got)
	}
}

func TestBackoffHoldsAKeyAndNoOther(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, all(ordered, retries(5*time.Second, time.Minute)))
	c := &Consumer{Stream: true}
	w.publish(topicT, "K:a", "K:b")
	w.pull(s, c, 100)
	w.nack(s, "a")
	w.publish(topicT, "K:c", "L:x")
	if got := w.pull(s, c, 100); got != "x" {
		t.Errorf("during the back-off: %q, want x", got)
	}
	w.after(5 * time.Second)
	if got := w.pull(s, c, 100); got != "a b c" {
		t.Errorf("after it: %q", got)
	}
}

func TestBackoffHoldsAKeyThatHadMoreToDeliver(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, all(ordered, retries(5*time.Second, time.Minute)))
	c := &Consumer{Stream: true}
	w.publish(topicT, "K:a", "K:b", "K:c")
	w.pull(s, c, 2)
	w.publish(topicT, "K:d")
	if got := w.pull(s, &Consumer{Stream: true}, 10); got != "" { // finds c and d, and leaves them to the first client
		t.Errorf("another client got %q", got)
	}
	w.nack(s, "b")
	if got := w.pull(s, c, 100); got != "" {
		t.Errorf("during the back-off: %q", got)
	}
	w.after(5 * time.Second)
	if got := w.pull(s, c, 100); got != "b c d" {
		t.Errorf("after it: %q", got)
	}
}

func TestWithoutOrderKeysMeanNothing(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, nil)
	w.publish(topicT, "K:a", "K:b")
	w.gets(s, "a b")
	w.ack(s, "b")
	w.nack(s, "a")
	w.gets(s, "a")
}

func TestExactlyOnceInOrderCountsAnAcknowledgementAtOnce(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, all(ordered, exactlyOnce))
	c := &Consumer{Stream: true}
	w.publish(topicT, "K:a", "K:b", "K:c")
	w.pull(s, c, 100)
	w.ack(s, "b")
	w.backlog(s, 2)
	w.nack(s, "a")
	if got := w.pull(s, c, 100); got != "a c" {
		t.Errorf("got %q, want a and c: b was confirmed", got)
	}
}
