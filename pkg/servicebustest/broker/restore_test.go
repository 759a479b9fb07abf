package broker_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
)

// state is what must be the same after a crash: everything but locks.
func state(t *testing.T, b *broker.Broker) string {
	t.Helper()
	var paths []string
	for _, q := range b.Queues() {
		paths = append(paths, q.Path)
	}
	for _, topic := range b.Topics() {
		paths = append(paths, topic.Path)
		subscriptions, err := b.Subscriptions(topic.Path)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range subscriptions {
			paths = append(paths, s.Path)
			rules, err := b.Rules(s.Path)
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, fmt.Sprintf("rules %+v", rules))
		}
	}
	all := ""
	for _, path := range paths {
		all += "\n" + path
		for _, suffix := range []string{"", "/$DeadLetterQueue", "/$Transfer/$DeadLetterQueue"} {
			all += contents(b, path+suffix)
		}
	}
	return all
}

func contents(b *broker.Broker, path string) string {
	d, err := b.Describe(path)
	if err != nil {
		return ""
	}
	all := fmt.Sprintf("\n %s %+v %+v", path, d.Settings, d.Counts)
	found, _ := b.Peek(path, 0, 1<<30, nil)
	for _, m := range found {
		m.Tag, m.Settled = [16]byte{}, false
		all += fmt.Sprintf("\n  %d %s %x %d", m.Sequence, id(m), m.Message.Encode(nil), m.Stamp.DeliveryCount)
		for _, name := range []string{"x-opt-enqueued-time", "x-opt-message-state", "x-opt-deadletter-source", "x-opt-enqueue-sequence-number"} {
			all += fmt.Sprint(" ", annotation(m, name))
		}
	}
	ids, _ := b.Sessions(path, time.Time{})
	for _, s := range ids {
		value, _ := b.SessionState(path, s)
		all += fmt.Sprintf("\n  session %s %q", s, value)
	}
	return all
}

func restored(t *testing.T, w *world, records [][]byte) *broker.Broker {
	t.Helper()
	b := newBroker()
	b.Advance(w.now)
	for _, r := range records {
		if err := b.Restore(r); err != nil {
			t.Fatal(err)
		}
	}
	b.Recover()
	return b
}

// TestWhatWasRecordedIsRestored does many things in a random order, and after
// each few of them restores a broker from the records, and from a snapshot and
// the records behind it.
func TestWhatWasRecordedIsRestored(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t)
		l := newLife(w, random)
		for range 15 {
			var base [][]byte
			for record := range w.Snapshot() {
				base = append(base, append([]byte(nil), record...))
			}
			from := len(w.records)
			for range 8 {
				l.step()
			}
			want := state(t, w.Broker)
			if got := state(t, restored(t, w, w.records)); got != want {
				t.Fatalf("seed %d: restored from records:%s\nwant:%s", seed, got, want)
			}
			if got := state(t, restored(t, w, append(base, w.records[from:]...))); got != want {
				t.Fatalf("seed %d: restored from a snapshot:%s\nwant:%s", seed, got, want)
			}
		}
	}
}

// life does random things with a few entities.
type life struct {
	*world
	random    *rand.Rand
	n         int
	receivers []*broker.Receiver
	held      map[*broker.Receiver][]broker.Delivery
}

func newLife(w *world, random *rand.Rand) *life {
	w.queue("q", broker.Settings{LockDuration: 20 * time.Second, MaxDeliveryCount: 3, DuplicateWindow: time.Minute, DeadLetterOnExpiration: true})
	w.queue("s", broker.Settings{RequiresSession: true, LockDuration: 30 * time.Second, DefaultTTL: 5 * time.Minute})
	w.queue("f", broker.Settings{ForwardTo: "q"})
	w.ok(w.CreateTopic("t", broker.Settings{}))
	w.ok(w.CreateSubscription("t", "a", broker.Settings{ForwardDeadLettersTo: "q", MaxDeliveryCount: 2}))
	w.ok(w.CreateSubscription("t", "b", broker.Settings{}, sql("r", "n > 3", "SET big = 1"), broker.Rule{Name: "c", Filter: broker.Filter{
		Kind: broker.CorrelationFilter, Correlation: broker.Correlation{System: map[string]string{"to": "x"}, User: broker.Values{"n": int64(2)}},
	}}))
	w.collect()
	l := &life{world: w, random: random, held: map[*broker.Receiver][]broker.Delivery{}}
	for _, path := range []string{"q", "t/subscriptions/a", "t/subscriptions/b", "q/$deadletterqueue"} {
		l.receivers = append(l.receivers, w.open(path, broker.ReceiverOptions{}))
	}
	return l
}

func (l *life) step() {
	switch l.random.IntN(9) {
	case 0, 1, 2:
		l.sendSomething()
	case 3, 4:
		r := l.receivers[l.random.IntN(len(l.receivers))]
		if d, ok := r.Take(); ok {
			l.held[r] = append(l.held[r], d)
		}
	case 5, 6:
		l.settleSomething()
	case 7:
		l.pass(time.Duration(l.random.IntN(40)) * time.Second)
	case 8:
		l.useSession()
	}
	l.collect()
}

func (l *life) sendSomething() {
	l.n++
	o := []option{session([]string{"x", "y"}[l.random.IntN(2)]), property("n", int32(l.random.IntN(6)))}
	if l.random.IntN(4) == 0 {
		o = append(o, at(l.now.Add(time.Duration(l.random.IntN(90))*time.Second)))
	}
	if l.random.IntN(4) == 0 {
		o = append(o, ttl(time.Duration(1+l.random.IntN(60))*time.Second))
	}
	path := []string{"q", "s", "f", "t"}[l.random.IntN(4)]
	l.send(path, fmt.Sprint(l.n-l.random.IntN(2)), o...) // sometimes a duplicate
}

func (l *life) settleSomething() {
	r := l.receivers[l.random.IntN(len(l.receivers))]
	if len(l.held[r]) == 0 {
		return
	}
	d := l.held[r][0]
	l.held[r] = l.held[r][1:]
	verdict := broker.Verdict(1 + l.random.IntN(5))
	err := r.Settle(d.Tag, broker.Settlement{Verdict: verdict, Properties: newMessage("", property("seen", l.random.IntN(9) > 4)).Application()})
	if err != nil {
		l.fails(err, broker.MessageLockLost)
	}
}

func (l *life) useSession() {
	r, err := l.Open("s", next(time.Second))
	l.ok(err)
	if s := sessionOf(r); s != "" {
		l.ok(l.SetSessionState("s", s, []byte(fmt.Sprint("state ", l.n))))
		if d, ok := r.Take(); ok && l.random.IntN(2) == 0 {
			l.settle(r, d, broker.Complete)
		}
	}
	r.Close()
}

func TestARecordThatIsDamagedIsAnError(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{})
	w.send("q", "1")
	for _, record := range w.records {
		for i := range record {
			damaged := append([]byte(nil), record...)
			damaged[i] ^= 0x40
			b := newBroker()
			_ = b.Restore(damaged) // must not panic; a checksum is the journal's part
		}
		if err := newBroker().Restore(record[:len(record)-1]); !errors.Is(err, broker.ErrRecord) {
			t.Errorf("a record that is cut: %v", err)
		}
	}
	if err := newBroker().Restore(w.records[1]); !errors.Is(err, broker.ErrRecord) {
		t.Errorf("a message of an entity that is not there: %v", err)
	}
}

func TestALongRecordIsCutBetweenChanges(t *testing.T) {
	w := newWorld(t)
	w.queue("q", broker.Settings{})
	w.collect()
	if _, err := w.Send("q", newMessage("1"), newMessage("2"), newMessage("3")); err != nil {
		t.Fatal(err)
	}
	record := w.collect().Record
	var parts [][]byte
	for len(record) > 0 {
		n := broker.CutRecord(record, 150)
		parts = append(parts, record[:n])
		record = record[n:]
	}
	if len(parts) != 3 {
		t.Errorf("%d parts, want 3", len(parts))
	}
	if got := state(t, restored(t, w, append(w.records[:1], parts...))); got != state(t, w.Broker) {
		t.Errorf("restored:%s", got)
	}
}
