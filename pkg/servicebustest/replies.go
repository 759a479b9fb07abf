package servicebustest

import (
	"slices"
	"sync"

	"github.com/provingground/provingground/pkg/servicebustest/amqp"
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// maxReplies waiting on one link; a client that asks more without reading its
// answers loses the oldest.
const maxReplies = 1000

// replies has the answers of a node for one link.
type replies struct {
	connection   *connection
	link         *amqp.Link
	node, entity string
	address      string // of the client's end

	mu      sync.Mutex
	waiting [][]byte
	tags    func() encoding.UUID
}

// replyLink finds the link for the answer to a request. Clients name it in
// different ways: by the address of its end (Go), by its name (JavaScript), or
// not at all (Python), when it is the one on the same session.
func (c *connection) replyLink(r *requests, from *amqp.Link, replyTo string) *replies {
	c.mu.Lock()
	defer c.mu.Unlock()
	tests := []func(*replies) bool{
		func(x *replies) bool { return replyTo != "" && x.address == replyTo },
		func(x *replies) bool { return replyTo != "" && x.link.Name() == replyTo },
		func(x *replies) bool { return x.link.Session() == from.Session() },
		func(*replies) bool { return true },
	}
	for _, test := range tests {
		for _, x := range c.replies {
			if x.node == r.node && x.entity == r.entity && test(x) {
				return x
			}
		}
	}
	return nil
}

func (r *replies) push(payload []byte) {
	r.mu.Lock()
	if len(r.waiting) == maxReplies {
		r.waiting = r.waiting[1:]
	}
	r.waiting = append(r.waiting, payload)
	r.mu.Unlock()
	r.link.Wake()
}

// Next returns the next answer, settled.
func (r *replies) Next() (amqp.Delivery, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 {
		return amqp.Delivery{}, false
	}
	payload := r.waiting[0]
	r.waiting = r.waiting[1:]
	if r.tags == nil {
		r.tags = tokens()
	}
	return amqp.Delivery{Tag: r.tags(), Settled: true, Payload: payload}, true
}

// Skip does nothing: nobody else has these answers.
func (r *replies) Skip() {}

// Settle does nothing: answers are sent settled.
func (r *replies) Settle(_ [16]byte, _ amqp.Outcome, done func(*amqp.Error)) { done(nil) }

// Close forgets the link.
func (r *replies) Close() {
	r.connection.mu.Lock()
	defer r.connection.mu.Unlock()
	r.connection.replies = slices.DeleteFunc(r.connection.replies, func(x *replies) bool { return x == r })
}
