package broker

import (
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

func TestAMessageComesOnceUntilItsDeadline(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, nil)
	w.publish(topicT, "a", "b")
	w.gets(s, "a b")
	w.gets(s, "")
	w.ack(s, "a")
	w.after(10*time.Second - 1)
	w.gets(s, "")
	w.after(1)
	w.gets(s, "b")
	w.backlog(s, 1)
	w.ack(s, "b")
	w.backlog(s, 0)
	w.retained(topicT, 0)
}

func TestASubscriptionBeginsWithTheNextMessage(t *testing.T) {
	w := newWorld(t, Options{})
	w.publish(topicT, "before")
	s := w.sub(subS, topicT, nil)
	w.publish(topicT, "after")
	w.gets(s, "after")
}

func TestALeaseIsExtended(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, nil)
	w.publish(topicT, "a")
	w.gets(s, "a")
	for range 5 {
		w.after(9 * time.Second)
		w.extend(s, 10*time.Second, "a")
		w.gets(s, "")
	}
	w.after(10 * time.Second)
	w.gets(s, "a")
}

func TestAStreamHasItsOwnDeadline(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, nil)
	w.publish(topicT, "a")
	if got := w.pull(s, &Consumer{Stream: true, AckDeadline: time.Minute}, 10); got != "a" {
		t.Fatalf("got %q", got)
	}
	w.after(59 * time.Second)
	w.gets(s, "")
	w.after(time.Second)
	w.gets(s, "a")
}

func TestANackedMessageComesAtOnceWithoutARetryPolicy(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, nil)
	w.publish(topicT, "a", "b", "c")
	w.gets(s, "a b c")
	w.nack(s, "c", "a")
	w.gets(s, "a c")
}

func TestALateAcknowledgementCounts(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, nil)
	w.publish(topicT, "a", "b")
	w.gets(s, "a b")
	late := w.idsOf([]string{"a", "b"})
	w.after(10 * time.Second)
	if got := w.pull(s, &Consumer{}, 1); got != "a" { // a is delivered again, b waits
		t.Fatalf("got %q", got)
	}
	if _, err := w.b.Acknowledge(w.now, s, late); err != nil {
		t.Error(err)
	}
	w.backlog(s, 0)
	w.after(time.Hour)
	w.gets(s, "")
}

func TestFlowControlBoundsWhatIsOutstanding(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, nil)
	w.publish(topicT, "a", "b", "c", "d", "e")
	c := &Consumer{Stream: true, MaxMessages: 2}
	for _, step := range []struct{ want, ack string }{{"a b", "a"}, {"c", "c"}, {"d", "b"}, {"e", "e"}} {
		if got := w.pull(s, c, 10); got != step.want {
			t.Errorf("got %q, want %q", got, step.want)
		}
		w.ack(s, step.ack)
	}
	if c.Outstanding() != 1 {
		t.Errorf("%d outstanding, want 1", c.Outstanding())
	}
	w.after(10 * time.Second)
	w.b.Advance(w.now)
	if c.Outstanding() != 0 {
		t.Errorf("%d outstanding after the deadline, want 0", c.Outstanding())
	}
}

func TestOneMessageLargerThanTheBytesIsDelivered(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, nil)
	w.publish(topicT, "abcdefghij", "b")
	c := &Consumer{Stream: true, MaxBytes: 3}
	if got := w.pull(s, c, 10); got != "abcdefghij" {
		t.Errorf("got %q", got)
	}
	w.ack(s, "abcdefghij")
	if got := w.pull(s, c, 10); got != "b" {
		t.Errorf("got %q", got)
	}
}

func TestAFilterAcknowledgesTheRest(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, func(s *pubsubpb.Subscription) { s.Filter = `attributes.kind = "big"` })
	w.publishWith(map[string]string{"kind": "big"}, "a")
	w.publishWith(map[string]string{"kind": "small"}, "b")
	w.publish(topicT, "c")
	w.backlog(s, 1)
	w.retained(topicT, 1)
	w.gets(s, "a")
	w.must(w.b.SeekToTime(w.now, s, w.now.Add(-time.Hour)))
	w.gets(s, "a")
}

func TestExactlyOnceRefusesStaleIDsAndAcceptsTheOthers(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, exactlyOnce)
	w.publish(topicT, "a", "b", "c")
	w.gets(s, "a b c")
	w.extend(s, time.Minute, "b")
	stale := w.ids["a"]
	w.after(10 * time.Second)
	same(t, "acknowledge", w.ack(s, "a", "b"), []string{stale})
	same(t, "extend", w.extend(s, time.Minute, "a"), []string{stale})
	same(t, "nack", w.nack(s, "a"), []string{stale})
	same(t, "again, after a lost answer", w.ack(s, "b"), nil)
	w.gets(s, "a c")
	if w.ids["a"] == stale {
		t.Error("a redelivery has the acknowledgement id of the first delivery")
	}
	same(t, "with the new id", w.ack(s, "a", "c"), nil)
	w.after(time.Hour)
	w.gets(s, "")
}

func TestRetryBackoffGrowsExponentially(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, retries(2*time.Second, 10*time.Second))
	w.publish(topicT, "a", "b")
	w.gets(s, "a b")
	w.ack(s, "b")
	for _, wait := range []time.Duration{2, 4, 8, 10, 10} {
		w.nack(s, "a")
		w.after(wait*time.Second - 1)
		w.gets(s, "")
		w.after(1)
		w.gets(s, "a")
	}
	w.after(10 * time.Second) // an expired deadline counts like a nack
	w.gets(s, "")
	w.after(10 * time.Second)
	w.gets(s, "a")
}

func TestDefaultBackoffIsTenSecondsToTenMinutes(t *testing.T) {
	for attempts, want := range map[int]time.Duration{1: 10 * time.Second, 2: 20 * time.Second, 7: 600 * time.Second, 1000: 600 * time.Second} {
		if got := backoff(&pubsubpb.RetryPolicy{}, attempts); got != want {
			t.Errorf("backoff after %d attempts is %v, want %v", attempts, got, want)
		}
	}
}

func TestNextSaysWhenSomethingHappens(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, retries(3*time.Second, 3*time.Second))
	w.publish(topicT, "a")
	w.gets(s, "a")
	at := func(d time.Duration) {
		t.Helper()
		if next, ok := w.b.Next(); !ok || !next.Equal(w.now.Add(d)) {
			t.Errorf("next is %v, %v, want in %v", next.Sub(w.now), ok, d)
		}
	}
	at(10 * time.Second) // the lease
	w.nack(s, "a")
	at(3 * time.Second) // the back-off
	w.after(3 * time.Second)
	w.b.Take()
	w.b.Advance(w.now)
	if wake := w.b.Take().Wake; len(wake) != 1 || wake[0] != s {
		t.Errorf("woken: %v", wake)
	}
	w.gets(s, "a")
	w.ack(s, "a")
	at(defaultExpiration) // an unused subscription ends
}
