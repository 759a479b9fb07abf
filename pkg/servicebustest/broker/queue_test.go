package broker_test

import (
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/message"
)

func TestMessagesComeInOrderAndComeBackToTheirPlace(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{})
	for _, id := range []string{"1", "2", "3"} {
		w.send("Q", id) // names ignore case
	}
	r := w.open("q", broker.ReceiverOptions{})
	first, second := w.takes(r, "1"), w.takes(r, "2")
	w.settle(r, second, broker.Abandon)
	w.settle(r, first, broker.Release)
	again := w.takes(r, "1")
	if again.Stamp.DeliveryCount != 0 {
		t.Errorf("a release was counted: %d", again.Stamp.DeliveryCount)
	}
	if d := w.takes(r, "2"); d.Stamp.DeliveryCount != 1 {
		t.Errorf("an abandon was not counted: %d", d.Stamp.DeliveryCount)
	}
	w.takes(r, "3")
	w.empty(r)
}

func TestALockEndsAtItsTimeAndNotBefore(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{LockDuration: 30 * time.Second})
	w.send("q", "1")
	r := w.open("q", broker.ReceiverOptions{})
	d := w.takes(r, "1")
	if until := annotation(d, "x-opt-locked-until"); until != w.now.Add(30*time.Second) {
		t.Errorf("locked until %v", until)
	}
	w.pass(30*time.Second - time.Millisecond)
	w.empty(r)
	until, err := w.RenewLock("q", d.Tag)
	w.ok(err)
	if until != w.now.Add(30*time.Second) {
		t.Errorf("renewed until %v", until)
	}
	w.pass(30*time.Second - time.Millisecond)
	w.empty(r)
	w.pass(time.Millisecond)
	w.fails(r.Settle(d.Tag, broker.Settlement{Verdict: broker.Complete}), broker.MessageLockLost)
	_, err = w.RenewLock("q", d.Tag)
	w.fails(err, broker.MessageLockLost)
	if d := w.takes(r, "1"); d.Stamp.DeliveryCount != 1 {
		t.Errorf("count %d after a lost lock", d.Stamp.DeliveryCount)
	}
}

func TestTheLastDeliveryLeadsToTheDeadLetters(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{MaxDeliveryCount: 2, LockDuration: time.Minute})
	w.send("q", "1")
	r := w.open("q", broker.ReceiverOptions{})
	w.settle(r, w.takes(r, "1"), broker.Abandon)
	w.takes(r, "1")
	w.pass(time.Minute)
	w.holds("q")
	dead := w.holds("q/$DeadLetterQueue", "1")[0]
	if reason(dead) != "MaxDeliveryCountExceeded" || dead.Stamp.DeliveryCount != 2 || annotation(dead, "x-opt-deadletter-source") != "q" {
		t.Errorf("dead letter %v", dead.Stamp)
	}
	// In the dead-letter queue nothing is counted, and nothing goes further.
	r = w.open("q/$deadletterqueue", broker.ReceiverOptions{})
	for range 5 {
		w.settle(r, w.takes(r, "1"), broker.Abandon)
	}
	w.settle(r, w.takes(r, "1"), broker.MoveDeadLetter)
	if d := w.takes(r, "1"); d.Stamp.DeliveryCount != 2 {
		t.Errorf("count %d", d.Stamp.DeliveryCount)
	}
}

func TestADeadLetterHasItsReasonAndProperties(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{})
	w.send("q", "1", property("kept", "yes"))
	r := w.open("q", broker.ReceiverOptions{})
	w.ok(r.Settle(w.takes(r, "1").Tag, broker.Settlement{
		Verdict: broker.MoveDeadLetter, Reason: "why", Description: "because",
		Properties: encoding.Map{{Key: "more", Value: int64(1)}},
	}))
	d := w.holds("q/$DeadLetterQueue", "1")[0]
	for name, want := range map[string]any{"DeadLetterReason": "why", "DeadLetterErrorDescription": "because", "kept": "yes", "more": int64(1)} {
		if v, _ := d.Message.Application().Get(name); v != want {
			t.Errorf("%s is %v, want %v", name, v, want)
		}
	}
}

func TestMessagesExpireAtTheirTimeAndNotBefore(t *testing.T) {
	w := newWorld(t)
	w.queue("drop", broker.Settings{DefaultTTL: time.Minute})
	w.queue("keep", broker.Settings{DeadLetterOnExpiration: true})
	w.send("drop", "default")
	w.send("drop", "shorter", ttl(10*time.Second))
	w.send("drop", "longer", ttl(time.Hour))
	w.send("keep", "none")
	w.send("keep", "some", ttl(time.Minute))
	w.pass(10*time.Second - time.Millisecond)
	w.holds("drop", "default", "shorter", "longer")
	w.pass(time.Millisecond)
	w.holds("drop", "default", "longer")
	w.pass(50*time.Second - time.Millisecond)
	w.holds("drop", "default", "longer")
	w.pass(time.Millisecond)
	w.holds("drop")
	w.holds("drop/$DeadLetterQueue")
	w.holds("keep", "none")
	if d := w.holds("keep/$DeadLetterQueue", "some")[0]; reason(d) != "TTLExpiredException" {
		t.Errorf("reason %q", reason(d))
	}
	w.pass(1000 * time.Hour)
	w.holds("keep/$DeadLetterQueue", "some") // where nothing expires
}

func TestALongLifeIsThatOfTheProperties(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{})
	const longest = (1<<32 - 1) * time.Millisecond
	until := func(p *message.Parts, _ *message.Message) {
		p.Properties = message.SetProperty(p.Properties, message.PropertyCreation, w.now)
		p.Properties = message.SetProperty(p.Properties, message.PropertyAbsoluteExpiry, w.now.Add(100*24*time.Hour))
	}
	w.send("q", "100 days", ttl(longest), until)
	w.send("q", "49 days", ttl(longest))
	w.send("q", "a second", ttl(time.Second), until)
	w.pass(longest)
	w.holds("q", "100 days")
	w.pass(100*24*time.Hour - longest - time.Millisecond)
	w.holds("q", "100 days")
	w.pass(time.Millisecond)
	w.holds("q")
}

func TestALockedMessageOutlivesItsTimeUntilItComesBack(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{LockDuration: time.Minute})
	r := w.open("q", broker.ReceiverOptions{})
	w.send("q", "done", ttl(time.Second))
	done := w.takes(r, "done")
	w.send("q", "back", ttl(time.Second))
	back := w.takes(r, "back")
	w.pass(2 * time.Second)
	w.settle(r, done, broker.Complete)
	w.settle(r, back, broker.Abandon)
	w.holds("q")
}

func TestADeferredMessageWaitsForItsNumber(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{})
	n := w.send("q", "1")
	r := w.open("q", broker.ReceiverOptions{})
	w.settle(r, w.takes(r, "1"), broker.Defer)
	w.empty(r)
	if d := w.holds("q", "1")[0]; annotation(d, "x-opt-message-state") != int32(1) {
		t.Errorf("state %v", annotation(d, "x-opt-message-state"))
	}
	_, err := w.ReceiveDeferred("q", []int64{n, 99}, "", false)
	w.fails(err, broker.MessageNotFound)
	_, err = w.ReceiveDeferred("q", []int64{n, n}, "", false)
	w.fails(err, broker.MessageNotFound)
	got, err := w.ReceiveDeferred("q", []int64{n}, "", false)
	w.ok(err)
	w.ok(w.Settle("q", got[0].Tag, broker.Settlement{Verdict: broker.Abandon}))
	w.empty(r) // still deferred
	got, err = w.ReceiveDeferred("q", []int64{n}, "", true)
	w.ok(err)
	if got[0].Stamp.DeliveryCount != 2 || !got[0].Settled {
		t.Errorf("delivery %+v", got[0])
	}
	w.holds("q")
}

func TestAReceiverThatDeletesHasTheMessageForGood(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{})
	w.send("q", "1")
	if d := w.takes(w.open("q", broker.ReceiverOptions{Delete: true}), "1"); !d.Settled {
		t.Error("there is a lock")
	}
	w.holds("q")
}

func TestDuplicatesAreDroppedInsideTheWindowOnly(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{DuplicateWindow: time.Minute})
	w.send("q", "1")
	w.pass(time.Minute - time.Millisecond)
	if n := w.send("q", "1"); n != 0 {
		t.Errorf("a duplicate got number %d", n)
	}
	w.send("q", "1", session("other")) // ids of sessions are apart
	w.holds("q", "1", "1")
	w.pass(time.Millisecond)
	w.send("q", "1")
	w.holds("q", "1", "1", "1")
	w.send("q", "1")
	w.holds("q", "1", "1", "1")
}

func TestScheduledMessagesAppearAtTheirTimeWithANewNumber(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{})
	later := w.now.Add(time.Hour)
	n := w.send("q", "later", at(later), ttl(time.Minute))
	cancelled := w.send("q", "cancelled", at(later))
	w.send("q", "past", at(w.now.Add(-time.Hour)))
	r := w.open("q", broker.ReceiverOptions{Delete: true})
	w.takes(r, "past")
	w.empty(r)
	w.fails(w.Cancel("q", []int64{cancelled, 99}), broker.MessageNotFound)
	w.ok(w.Cancel("q", []int64{cancelled}))
	w.pass(time.Hour - time.Millisecond)
	w.empty(r)
	w.pass(time.Millisecond)
	if d := w.takes(r, "later"); d.Sequence == n || annotation(d, "x-opt-enqueued-time") != later {
		t.Errorf("number %d was %d, enqueued %v", d.Sequence, n, annotation(d, "x-opt-enqueued-time"))
	}
	w.fails(w.Cancel("q", []int64{n}), broker.MessageNotFound)
}

func TestAMessageWithoutAnIdGetsOne(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{})
	w.send("q", "")
	found, err := w.Peek("q", 0, 1, nil)
	w.ok(err)
	if len(id(found[0])) != 32 {
		t.Errorf("id %q", id(found[0]))
	}
}

func TestAFullQueueRefuses(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{MaxSize: 60})
	w.send("q", "1")
	_, err := w.Send("q", newMessage("2"), newMessage("3"))
	w.fails(err, broker.ResourceLimit)
	w.holds("q", "1")
}

func TestADisabledEntityRefusesUntilItIsEnabled(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{})
	r := w.open("q", broker.ReceiverOptions{})
	w.send("q", "1")
	w.ok(w.Update("q", broker.Settings{Status: broker.Disabled}))
	w.collect()
	w.empty(r)
	_, err := w.Send("q", newMessage("2"))
	w.fails(err, broker.EntityDisabled)
	_, err = w.Open("q", broker.ReceiverOptions{})
	w.fails(err, broker.EntityDisabled)
	w.ok(w.Update("q", broker.Settings{}))
	if ready := w.collect().Ready; len(ready) != 1 || ready[0] != r {
		t.Errorf("ready %v", ready)
	}
	w.takes(r, "1")
}

// TestAMessageReachesSomebodyWhoWaits covers the ways in which a wake-up could
// be lost: the one who was woken cannot take, or has gone.
func TestAMessageReachesSomebodyWhoWaits(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{})
	receivers := make([]*broker.Receiver, 3)
	for i := range receivers {
		receivers[i] = w.open("q", broker.ReceiverOptions{})
		w.empty(receivers[i])
	}
	woken := func(want *broker.Receiver) {
		t.Helper()
		if got := w.effects.Ready; len(got) != 1 || got[0] != want {
			t.Fatalf("woken %v, want %p", got, want)
		}
	}
	w.send("q", "1")
	woken(receivers[0])
	receivers[0].Skip()
	w.collect()
	woken(receivers[1])
	receivers[1].Close()
	w.collect()
	woken(receivers[2])
	w.takes(receivers[2], "1")
	w.empty(receivers[0])
}

func TestADeletedEntityEndsItsReceiversAndTimers(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{})
	w.send("q", "1", ttl(time.Minute))
	r := w.open("q", broker.ReceiverOptions{})
	w.ok(w.Delete("q"))
	closed := w.collect().Closed
	if len(closed) != 1 || closed[0].Receiver != r || closed[0].Err.Condition != broker.NotFound {
		t.Errorf("closed %v", closed)
	}
	if at, ok := w.Next(); ok {
		t.Errorf("something is due at %v", at)
	}
	_, err := w.Send("q", newMessage("2"))
	w.fails(err, broker.NotFound)
	w.fails(w.Delete("q"), broker.NotFound)
}

func TestNamesAreCheckedAndUnique(t *testing.T) {
	w := newWorld(t)
	w.queue("a/b-c_d.e", broker.Settings{})
	w.fails(w.CreateQueue("A/B-c_d.e", broker.Settings{}), broker.EntityAlreadyExists)
	w.fails(w.CreateTopic("a/b-c_d.e", broker.Settings{}), broker.EntityAlreadyExists)
	for _, name := range []string{"", "/", "-a", "a-", "a b", "ä", "a\x00b"} {
		w.fails(w.CreateQueue(name, broker.Settings{}), broker.ArgumentError)
	}
	w.fails(w.CreateSubscription("a/b-c_d.e", "s", broker.Settings{}), broker.NotFound)
}
