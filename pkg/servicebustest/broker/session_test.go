package broker_test

import (
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
)

func named(id string) broker.ReceiverOptions {
	return broker.ReceiverOptions{Sessions: true, SessionID: &id}
}

func next(wait time.Duration) broker.ReceiverOptions {
	return broker.ReceiverOptions{Sessions: true, Wait: wait}
}

func sessionOf(r *broker.Receiver) string {
	id, _, _ := r.Session()
	return id
}

func TestASessionHasOneHolderAndItsOwnOrder(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{RequiresSession: true})
	for _, id := range []string{"a1", "b1", "a2", "b2"} {
		w.send("q", id, session(id[:1]))
	}
	a := w.open("q", named("a"))
	_, err := w.Open("q", named("a"))
	w.fails(err, broker.SessionTaken)
	b := w.open("q", next(0))
	if sessionOf(b) != "b" {
		t.Fatalf("the next session is %q", sessionOf(b))
	}
	w.takes(a, "a1")
	w.takes(b, "b1")
	w.takes(a, "a2")
	w.empty(a)
	_, err = w.Open("q", broker.ReceiverOptions{})
	w.fails(err, broker.NotAllowed)
	_, err = w.Send("q", newMessage("none"))
	w.fails(err, broker.NotAllowed)
}

func TestAReceiverWaitsForASessionAndGetsIt(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{RequiresSession: true})
	first, second := w.open("q", next(time.Minute)), w.open("q", next(30*time.Second))
	w.send("q", "1", session("s"))
	if got := w.effects.Opened; len(got) != 1 || got[0] != first || sessionOf(first) != "s" {
		t.Fatalf("opened %v", got)
	}
	w.pass(30*time.Second - time.Millisecond)
	if len(w.effects.Closed) > 0 {
		t.Fatal("the wait ended early")
	}
	w.pass(time.Millisecond)
	if got := w.effects.Closed; len(got) != 1 || got[0].Receiver != second || got[0].Err.Condition != broker.Timeout {
		t.Errorf("closed %v", got)
	}
	w.takes(first, "1")
}

func TestASessionThatIsGivenUpGoesToTheNextUncounted(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{RequiresSession: true})
	w.send("q", "1", session("s"))
	w.send("q", "2", session("s"))
	first := w.open("q", next(0))
	waiting := w.open("q", next(time.Minute))
	d := w.takes(first, "1")
	first.Close()
	if got := w.collect().Opened; len(got) != 1 || got[0] != waiting {
		t.Fatalf("opened %v", got)
	}
	w.fails(first.Settle(d.Tag, broker.Settlement{Verdict: broker.Complete}), broker.MessageLockLost)
	if d := w.takes(waiting, "1"); d.Stamp.DeliveryCount != 0 {
		t.Errorf("count %d", d.Stamp.DeliveryCount)
	}
	w.takes(waiting, "2")
}

func TestASessionLockThatEndsClosesItsHolderAndCounts(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{RequiresSession: true, LockDuration: time.Minute})
	w.send("q", "1", session("s"))
	r := w.open("q", named("s"))
	w.takes(r, "1")
	w.pass(40 * time.Second)
	until, err := w.RenewSession("q", "s")
	w.ok(err)
	if until != w.now.Add(time.Minute) {
		t.Errorf("until %v", until)
	}
	w.pass(time.Minute - time.Millisecond)
	if len(w.effects.Closed) > 0 {
		t.Fatal("the lock ended early")
	}
	w.pass(time.Millisecond)
	if got := w.effects.Closed; len(got) != 1 || got[0].Receiver != r || got[0].Err.Condition != broker.SessionLockLost {
		t.Fatalf("closed %v", got)
	}
	_, err = w.RenewSession("q", "s")
	w.fails(err, broker.SessionLockLost)
	if d := w.takes(w.open("q", named("s")), "1"); d.Stamp.DeliveryCount != 1 {
		t.Errorf("count %d", d.Stamp.DeliveryCount)
	}
}

func TestSessionStateStaysUntilItIsCleared(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{RequiresSession: true})
	w.fails(w.SetSessionState("q", "s", []byte("x")), broker.SessionLockLost)
	r := w.open("q", named("s"))
	w.ok(w.SetSessionState("q", "s", []byte("x")))
	r.Close()
	if state, _ := w.SessionState("q", "s"); string(state) != "x" {
		t.Errorf("state %q", state)
	}
	w.send("q", "1", session("other"))
	if ids, _ := w.Sessions("q", time.Time{}); len(ids) != 2 {
		t.Errorf("sessions %q", ids)
	}
	if ids, _ := w.Sessions("q", w.now.Add(-time.Second)); len(ids) != 1 || ids[0] != "s" {
		t.Errorf("sessions with a newer state %q", ids)
	}
	r = w.open("q", named("s"))
	w.ok(w.SetSessionState("q", "s", nil))
	r.Close()
	if ids, _ := w.Sessions("q", time.Time{}); len(ids) != 1 {
		t.Errorf("sessions %q", ids)
	}
}

func TestDeadLettersOfSessionsHaveNone(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{RequiresSession: true})
	w.send("q", "1", session("s"))
	r := w.open("q", named("s"))
	w.settle(r, w.takes(r, "1"), broker.MoveDeadLetter)
	w.takes(w.open("q/$DeadLetterQueue", broker.ReceiverOptions{}), "1")
}
