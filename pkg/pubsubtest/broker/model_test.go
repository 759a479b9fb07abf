package broker

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// TestPromisesUnderRandomClients lets clients come, stall, nack, acknowledge
// late and go, and checks at every delivery what is promised: nothing is
// delivered after its acknowledgement counted, nothing twice at a time, keys in
// their order; and at the end that everything was delivered.
func TestPromisesUnderRandomClients(t *testing.T) {
	for seed := range uint64(150) {
		random := rand.New(rand.NewPCG(seed, 11))
		w := newWorld(t, Options{})
		var changes []func(*pubsubpb.Subscription)
		if random.IntN(2) == 0 {
			changes = append(changes, ordered)
		}
		if random.IntN(2) == 0 {
			changes = append(changes, exactlyOnce)
		}
		if random.IntN(2) == 0 {
			changes = append(changes, retries(time.Second, 20*time.Second))
		}
		m := &model{
			w: w, random: random, s: w.sub(subS, topicT, all(changes...)), held: map[string]held{},
			acked: map[string]bool{}, last: map[string]int{},
		}
		for range 400 {
			m.step()
		}
		m.drain()
		if t.Failed() {
			t.Fatalf("seed %d, subscription %v", seed, m.s.Config())
		}
	}
}

// held is a delivery that a client has.
type held struct {
	ackID    string
	deadline time.Time
	consumer *Consumer
}

type model struct {
	w         *world
	random    *rand.Rand
	s         *Subscription
	published int
	consumers []*Consumer
	held      map[string]held // by data, "K:3"
	acked     map[string]bool // counted, as far as the client can know
	last      map[string]int  // the last delivered number of a key
}

func (m *model) step() {
	switch m.random.IntN(8) {
	case 0:
		for range m.random.IntN(5) {
			key := string(rune('K' + m.random.IntN(3)))
			data := key + "/" + strconv.Itoa(m.published)
			m.w.publish(topicT, key+":"+data)
			m.published++
		}
	case 1:
		m.w.after(time.Duration(m.random.IntN(6000)) * time.Millisecond)
	case 2:
		if len(m.consumers) < 3 {
			m.w.b.Open(m.w.now, m.s)
			m.consumers = append(m.consumers, &Consumer{Stream: true, MaxMessages: m.random.IntN(6)})
		}
	case 3:
		if n := len(m.consumers); n > 0 && m.random.IntN(3) == 0 {
			m.w.b.Close(m.w.now, m.s, m.consumers[n-1])
			m.consumers = m.consumers[:n-1]
		}
	case 4:
		m.answer(func(data string, h held) { m.ack(data, h) })
	case 5:
		m.answer(func(data string, h held) { m.modify(data, h, 0) })
	case 6:
		m.answer(func(data string, h held) { m.modify(data, h, 15*time.Second) })
	default:
		if n := len(m.consumers); n > 0 {
			m.pull(m.consumers[m.random.IntN(n)])
		} else {
			m.pull(&Consumer{})
		}
	}
}

func (m *model) pull(c *Consumer) int {
	deliveries := m.w.b.Pull(m.w.now, m.s, c, Limit{1 + m.random.IntN(6), 1 << 20})
	for _, d := range deliveries {
		data := string(d.Message.Data)
		if h, ok := m.held[data]; ok && h.deadline.After(m.w.now) && !m.s.Config().EnableMessageOrdering {
			m.w.t.Errorf("%s was delivered while it was leased until %v", data, h.deadline.Sub(m.w.now))
		}
		if m.acked[data] {
			m.w.t.Errorf("%s was delivered after its acknowledgement counted", data)
		}
		m.inOrder(data, d.Message.OrderingKey)
		m.held[data] = held{d.AckID, m.w.now.Add(10 * time.Second), c}
	}
	if c.MaxMessages > 0 && c.Outstanding() > c.MaxMessages {
		m.w.t.Errorf("%d outstanding, limit %d", c.Outstanding(), c.MaxMessages)
	}
	return len(deliveries)
}

// inOrder: a key only goes back, or one on to the next that is not acknowledged.
func (m *model) inOrder(data, key string) {
	if !m.s.Config().EnableMessageOrdering {
		return
	}
	n := number(data)
	for i := m.last[key] + 1; i < n; i++ {
		if skipped := fmt.Sprintf("%s/%d", key, i); m.existed(skipped) && !m.acked[skipped] {
			m.w.t.Errorf("%s was delivered before %s", data, skipped)
		}
	}
	m.last[key] = n
}

func (m *model) existed(data string) bool { // every number has one key only
	for seq := m.s.log.base; seq < m.s.log.end(); seq++ {
		if e := m.s.log.at(seq); e != nil && string(e.message.Data) == data {
			return true
		}
	}
	return false
}

func number(data string) int {
	_, digits, _ := strings.Cut(data, "/")
	n, err := strconv.Atoi(digits)
	if err != nil {
		panic(err)
	}
	return n
}

// answer picks something that a client has.
func (m *model) answer(f func(data string, h held)) {
	for _, data := range sorted(m.held) {
		if m.random.IntN(3) == 0 {
			f(data, m.held[data])
		}
	}
}

func (m *model) ack(data string, h held) {
	refused, err := m.w.b.Acknowledge(m.w.now, m.s, []string{h.ackID})
	if err != nil {
		m.w.t.Error(err)
	}
	delete(m.held, data)
	// It counts for good if confirmed, or without order if it was in time.
	config := m.s.Config()
	if config.EnableExactlyOnceDelivery {
		m.acked[data] = len(refused) == 0
	} else if !config.EnableMessageOrdering {
		m.acked[data] = true
	}
}

func (m *model) modify(data string, h held, d time.Duration) {
	refused, err := m.w.b.ModifyAckDeadline(m.w.now, m.s, []string{h.ackID}, d)
	if err != nil {
		m.w.t.Error(err)
	}
	if d == 0 || len(refused) > 0 || !h.deadline.After(m.w.now) {
		delete(m.held, data)
		return
	}
	h.deadline = m.w.now.Add(d)
	m.held[data] = h
}

// drain takes and acknowledges everything: at the end nothing may be left.
func (m *model) drain() {
	for range 3000 {
		if m.w.b.Inspect(m.w.now, m.s).Backlog == 0 {
			return
		}
		m.pull(&Consumer{})
		for _, data := range sorted(m.held) {
			m.ack(data, m.held[data])
		}
		m.w.after(time.Second)
	}
	m.w.t.Errorf("%d messages are never delivered", m.w.b.Inspect(m.w.now, m.s).Backlog)
}
