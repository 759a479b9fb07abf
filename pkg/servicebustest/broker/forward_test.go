package broker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
)

func TestAForwardedMessageKeepsItsFirstNumber(t *testing.T) {
	w := newWorld(t)
	w.queue("c", broker.Settings{})
	w.send("c", "other")
	w.queue("b", broker.Settings{ForwardTo: "c"})
	w.queue("a", broker.Settings{ForwardTo: "b"})
	w.send("a", "1")
	w.send("a", "2")
	w.holds("a")
	w.holds("b")
	d := w.holds("c", "other", "1", "2")[2]
	if d.Sequence != 3 || annotation(d, "x-opt-enqueue-sequence-number") != int64(2) {
		t.Errorf("number %d, first %v", d.Sequence, annotation(d, "x-opt-enqueue-sequence-number"))
	}
	_, err := w.Open("a", broker.ReceiverOptions{})
	w.fails(err, broker.NotAllowed)
}

func TestAChainThatIsTooLongEndsInTheTransferDeadLetters(t *testing.T) {
	w := newWorld(t)
	for i := 5; i >= 0; i-- {
		w.queue(fmt.Sprint("q", i), broker.Settings{ForwardTo: fmt.Sprint("q", i+1)})
	}
	w.queue("q6", broker.Settings{})
	w.send("q2", "four hops")
	w.holds("q6", "four hops")
	w.send("q1", "five hops")
	w.holds("q6", "four hops")
	if d := w.holds("q5/$Transfer/$DeadLetterQueue", "five hops")[0]; reason(d) != "MaxTransferHopCountExceeded" {
		t.Errorf("reason %q", reason(d))
	}
}

func TestALoopEnds(t *testing.T) {
	w := newWorld(t)
	w.queue("a", broker.Settings{ForwardTo: "b"})
	w.queue("b", broker.Settings{ForwardTo: "a"})
	w.queue("self", broker.Settings{ForwardTo: "self"})
	w.send("a", "1")
	w.holds("a/$Transfer/$DeadLetterQueue", "1")
	w.send("self", "2")
	w.holds("self/$Transfer/$DeadLetterQueue", "2")
}

func TestATopicThatFeedsItselfEnds(t *testing.T) {
	w := newWorld(t)
	w.ok(w.CreateTopic("t", broker.Settings{}))
	w.ok(w.CreateSubscription("t", "again", broker.Settings{ForwardTo: "t"}))
	w.ok(w.CreateSubscription("t", "all", broker.Settings{}))
	w.send("t", "1")
	w.holds("t/Subscriptions/all", "1", "1", "1", "1", "1")
	w.holds("t/Subscriptions/again/$Transfer/$DeadLetterQueue", "1")
}

func TestWhatCannotBeForwardedIsKept(t *testing.T) {
	w := newWorld(t)
	w.queue("a", broker.Settings{ForwardTo: "absent"})
	w.send("a", "1")
	w.holds("a/$Transfer/$DeadLetterQueue", "1")
	w.queue("sessions", broker.Settings{RequiresSession: true})
	w.queue("b", broker.Settings{ForwardTo: "sessions"})
	w.send("b", "2")
	w.holds("b/$Transfer/$DeadLetterQueue", "2")
	w.send("b", "3", session("s"))
	w.holds("sessions", "3")
	w.queue("off", broker.Settings{Status: broker.SendDisabled})
	w.queue("c", broker.Settings{ForwardTo: "off"})
	w.send("c", "4")
	w.holds("c/$Transfer/$DeadLetterQueue", "4")
}

func TestDeadLettersAreForwarded(t *testing.T) {
	w := newWorld(t)
	w.queue("morgue", broker.Settings{})
	w.queue("q", broker.Settings{ForwardDeadLettersTo: "morgue", DeadLetterOnExpiration: true})
	w.send("q", "1", ttl(time.Second))
	w.pass(time.Second)
	w.holds("q/$DeadLetterQueue")
	if d := w.holds("morgue", "1")[0]; reason(d) != "TTLExpiredException" {
		t.Errorf("reason %q", reason(d))
	}
}

func TestWhatWaitsIsForwardedWhenForwardingBegins(t *testing.T) {
	w := newWorld(t)
	w.queue("b", broker.Settings{})
	w.queue("a", broker.Settings{})
	w.send("a", "1")
	w.send("a", "later", at(w.now.Add(time.Minute)))
	w.ok(w.Update("a", broker.Settings{ForwardTo: "b"}))
	w.holds("b", "1")
	w.pass(time.Minute)
	w.holds("b", "1", "later")
}

func TestDuplicatesAreFoundWhereTheyArrive(t *testing.T) {
	w := newWorld(t)
	w.queue("b", broker.Settings{DuplicateWindow: time.Minute})
	w.queue("a", broker.Settings{ForwardTo: "b"})
	w.send("a", "1")
	w.send("a", "1")
	w.send("b", "1")
	w.holds("b", "1")
}
