package servicebustest

import (
	"net/http"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/access"
	"github.com/provingground/provingground/pkg/servicebustest/amqp"
	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/management"
	"github.com/provingground/provingground/pkg/servicebustest/message"
)

// requests takes what a client asks a node.
type requests struct {
	connection   *connection
	node, entity string
}

// Close forgets the link.
func (r *requests) Close() {
	r.connection.mu.Lock()
	defer r.connection.mu.Unlock()
	if r.connection.tokens == r {
		r.connection.tokens = nil
	}
}

// Transfer answers a request on the link that belongs to it.
func (r *requests) Transfer(t *amqp.Transfer) {
	m, err := message.Parse(t.Payload)
	if err != nil {
		t.Reject(amqp.Errorf("amqp:decode-error", "%v", err))
		return
	}
	t.Accept()
	request := management.Read(m)
	back := r.connection.replyLink(r, t.Link(), encoding.Text(m.Properties().At(message.PropertyReplyTo)))
	if back == nil {
		return // nobody listens
	}
	var reply management.Reply
	s := step{
		entity: r.entity, operation: OpAuthorize, link: t.Link(),
		do: func() *amqp.Error {
			reply = r.handle(request)
			return nil
		},
		answer: func() { back.push(reply.Encode(m)) },
		fail: func(e *amqp.Error) {
			failure := &broker.Error{Condition: broker.Condition(e.Condition), Description: e.Description}
			back.push(management.Fail(failure).Encode(m))
		},
	}
	if r.node == management.Node {
		s.operation = Operation(request.Operation)
	}
	r.connection.run(s)
}

func (r *requests) handle(request management.Request) management.Reply {
	if r.node == cbsNode {
		return r.connection.putToken(request)
	}
	if err := r.connection.allowed(r.entity, request.Needs()); err != nil {
		return management.Reply{Status: http.StatusUnauthorized, Description: err.Description, Condition: "amqp:unauthorized-access"}
	}
	var reply management.Reply
	r.connection.server.core.do(func(b *broker.Broker) { reply = management.Answer(b, r.entity, request) })
	return reply
}

// putToken takes a token for an entity, or for the namespace.
func (c *connection) putToken(r management.Request) management.Reply {
	audience, _ := r.Message.Application().Get("name")
	token, _ := r.Message.Value().(string)
	grant, err := access.Keys(c.server.options.Keys).Verify(token, time.Now())
	if err != nil {
		return management.Reply{Status: http.StatusUnauthorized, Description: err.Error(), Condition: "amqp:unauthorized-access"}
	}
	path := entityOf(access.Path(encoding.Text(audience)))
	if path != "" && !c.server.options.NotFoundAtAttach && !c.exists(path) {
		// Go's client knows a missing entity by this answer only.
		return management.Reply{Status: http.StatusNotFound, Description: notFound(path).Description, Condition: broker.NotFound}
	}
	c.grant(grant)
	return management.Reply{Status: http.StatusAccepted, Description: "Accepted"}
}

// grant remembers a token; a newer one for the same path takes its place.
func (c *connection) grant(g access.Grant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, old := range c.grants {
		if old.Path == g.Path {
			c.grants[i] = g
			return
		}
	}
	c.grants = append(c.grants, g)
}
