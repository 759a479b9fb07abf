package broker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// contents is what can be seen of a broker: its resources, and of each
// subscription what a new client would get, with the attempts.
func contents(b *Broker, now time.Time) []string {
	all := []string{fmt.Sprint("held ", b.bytes)}
	for _, c := range b.Topics("projects/p") {
		n, _ := b.Retained(c.Name)
		all = append(all, fmt.Sprint(c, n))
	}
	for _, c := range b.Snapshots("projects/p") {
		all = append(all, fmt.Sprint(c))
	}
	for _, c := range b.Subscriptions("projects/p") {
		s, _ := b.Subscription(c.Name)
		stats := b.Inspect(now, s)
		all = append(all, fmt.Sprint(c, stats.Backlog, stats.Bytes, stats.OldestAge))
		for _, seq := range s.unacked() {
			e, attempts := s.log.at(seq), 0
			if c.DeadLetterPolicy != nil || c.EnableExactlyOnceDelivery { // otherwise they only set the back-off
				attempts = s.attempts[seq]
			}
			all = append(all, fmt.Sprintf("%s %d %s %s held %d attempts %d", c.Name, seq, e.message.MessageId, e.message.Data, e.holders, attempts))
		}
		if c.EnableExactlyOnceDelivery {
			var leases []string
			for seq, l := range s.leases {
				leases = append(leases, fmt.Sprint(c.Name, seq, l.nonce, l.deadline.UnixNano()))
			}
			slices.Sort(leases)
			all = append(all, leases...)
		}
	}
	return all
}

func (s *Subscription) unacked() []uint64 {
	var seqs []uint64
	if s.log == nil {
		return nil
	}
	for seq := s.acked.gap(s.log.base); seq < s.log.end(); seq = s.acked.gap(seq + 1) {
		if s.log.at(seq) != nil {
			seqs = append(seqs, seq)
		}
	}
	return seqs
}

// restored is a new broker from encoded rows of events.
func restored(t *testing.T, now time.Time, rows [][]byte) *Broker {
	t.Helper()
	b := New(Options{Durable: true, Epoch: 2})
	for _, row := range rows {
		events, err := DecodeEvents(row)
		if err == nil {
			err = b.Restore(events)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b.Restored(now)
	return b
}

// TestACrashAtAnyPointRestoresWhatWasThere does random things and compares,
// after each, the broker with one made from its events, and with one made from
// its state and what came since.
func TestACrashAtAnyPointRestoresWhatWasThere(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(t, Options{Durable: true, Epoch: 1})
		w.topic(topicD, func(c *pubsubpb.Topic) { c.MessageRetentionDuration = durationpb.New(time.Hour) })
		var log, short [][]byte
		take := func() {
			row := AppendEvents(nil, w.b.Take().Events)
			log, short = append(log, row), append(short, row)
		}
		take()
		for step := range 60 {
			act(w, random, step)
			take()
			if random.IntN(10) == 0 { // a checkpoint
				short = nil
				for events := range w.b.State() {
					short = append(short, AppendEvents(nil, events))
				}
			}
			if step%5 != 0 {
				continue
			}
			want := contents(w.b, w.now)
			take()
			for name, rows := range map[string][][]byte{"log": log, "checkpoint and log": short} {
				if got := contents(restored(t, w.now, rows), w.now); !slices.Equal(got, want) {
					t.Fatalf("seed %d step %d: from %s\n got %q\nwant %q", seed, step, name, got, want)
				}
			}
		}
	}
}

// act does one random thing; most fail now and then, which is fine.
func act(w *world, random *rand.Rand, step int) {
	name := func(kind string) string { return fmt.Sprintf("projects/p/%s/%s%d", kind, kind, random.IntN(4)) }
	topic := []string{topicT, topicD}[random.IntN(2)]
	subs := w.b.Subscriptions("projects/p")
	var s *Subscription
	if len(subs) > 0 {
		s, _ = w.b.Subscription(subs[random.IntN(len(subs))].Name)
	}
	switch random.IntN(16) {
	case 0, 1:
		config := &pubsubpb.Subscription{
			Name: name("subscriptions"), Topic: topic, EnableMessageOrdering: random.IntN(2) == 0,
			EnableExactlyOnceDelivery: random.IntN(3) == 0, RetainAckedMessages: random.IntN(3) == 0,
			MessageRetentionDuration: durationpb.New(time.Duration(10+random.IntN(60)) * time.Minute),
		}
		if random.IntN(2) == 0 {
			config.Filter = "attributes:x"
		}
		if random.IntN(2) == 0 {
			deadLetters(config)
		}
		_, _ = w.b.CreateSubscription(w.now, config)
	case 2:
		_ = w.b.DeleteSubscription(w.now, name("subscriptions"))
	case 3:
		w.after(time.Duration(random.IntN(600)) * time.Second)
		w.b.Advance(w.now)
	case 4:
		_, _ = w.b.CreateSnapshot(w.now, name("snapshots"), name("subscriptions"), nil)
	case 5:
		_ = w.b.DeleteSnapshot(w.now, name("snapshots"))
	case 6, 7:
		if s != nil {
			seek(w, random, s, name("snapshots"))
		}
	case 8:
		if step%3 == 0 {
			_ = w.b.DeleteTopic(w.now, topic)
			_, _ = w.b.CreateTopic(w.now, &pubsubpb.Topic{Name: topic})
		}
	case 9:
		if s != nil {
			change := &pubsubpb.Subscription{Name: s.Name(), RetainAckedMessages: random.IntN(2) == 0}
			_, _ = w.b.UpdateSubscription(w.now, change, []string{"retain_acked_messages"})
		}
	case 10:
		if s != nil && random.IntN(3) == 0 {
			_ = w.b.Detach(w.now, s.Name())
		}
	default:
		if random.IntN(2) == 0 || s == nil {
			publishSome(w, random, topic)
		} else {
			consume(w, random, s)
		}
	}
}

func seek(w *world, random *rand.Rand, s *Subscription, snapshot string) {
	if random.IntN(2) == 0 {
		_ = w.b.SeekToSnapshot(w.now, s, snapshot)
		return
	}
	_ = w.b.SeekToTime(w.now, s, w.now.Add(time.Duration(random.IntN(120)-110)*time.Minute))
}

func publishSome(w *world, random *rand.Rand, topic string) {
	var messages []*pubsubpb.PubsubMessage
	for range 1 + random.IntN(70) {
		m := &pubsubpb.PubsubMessage{Data: fmt.Append(nil, random.IntN(1000))}
		if random.IntN(2) == 0 {
			m.Attributes = map[string]string{"x": "y"}
		}
		if random.IntN(2) == 0 {
			m.OrderingKey = string(rune('K' + random.IntN(3)))
		}
		messages = append(messages, m)
	}
	_, _ = w.b.Publish(w.now, topic, messages)
}

func consume(w *world, random *rand.Rand, s *Subscription) {
	c := &Consumer{Stream: random.IntN(2) == 0}
	for _, d := range w.b.Pull(w.now, s, c, Limit{1 + random.IntN(100), 1 << 20}) {
		switch random.IntN(4) {
		case 0:
			_, _ = w.b.ModifyAckDeadline(w.now, s, []string{d.AckID}, time.Duration(random.IntN(3)*20)*time.Second)
		case 1, 2:
			_, _ = w.b.Acknowledge(w.now, s, []string{d.AckID})
		}
	}
}

func TestLeasesOfExactlyOnceSurviveACrash(t *testing.T) {
	w := newWorld(t, Options{Durable: true, Epoch: 1})
	s := w.sub(subS, topicT, all(exactlyOnce, ordered))
	w.publish(topicT, "K:a", "K:b", "c")
	w.pull(s, &Consumer{Stream: true}, 10)
	w.nack(s, "b")
	row := AppendEvents(nil, w.b.Take().Events)
	w.b = restored(t, w.now, [][]byte{row})
	s, _ = w.b.Subscription(subS)
	w.gets(s, "") // a and c are leased, b waits behind a
	same(t, "an id from before the crash", w.ack(s, "a"), nil)
	w.gets(s, "b")
	w.after(10 * time.Second)
	w.gets(s, "c b")
}

func TestAfterACheckpointNewMessagesAreNew(t *testing.T) {
	w := newWorld(t, Options{Durable: true, Epoch: 1})
	s := w.sub(subS, topicT, nil)
	w.publish(topicT, "a", "b", "c")
	w.gets(s, "a b c")
	w.ack(s, "b", "c") // the log ends with messages that nobody holds
	newest := s.log.last
	var rows [][]byte
	for events := range w.b.State() {
		rows = append(rows, AppendEvents(nil, events))
	}
	w.now = w.now.Add(-time.Hour) // the clock was set back meanwhile
	w.b = restored(t, w.now, rows)
	s, _ = w.b.Subscription(subS)
	w.publish(topicT, "d")
	w.gets(s, "a d")
	if s.log.entries[len(s.log.entries)-1].published < newest {
		t.Error("a later message has an earlier publish time")
	}
}

func FuzzDecodeEvents(f *testing.F) {
	w := newWorld(&testing.T{}, Options{Durable: true})
	f.Add(AppendEvents(nil, w.b.Take().Events))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := DecodeEvents(data)
		if err != nil {
			return
		}
		again, err := DecodeEvents(AppendEvents(nil, events))
		if err != nil || len(again) != len(events) {
			t.Errorf("%d events became %d, %v", len(events), len(again), err)
		}
	})
}
