package servicebustest

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/access"
	"github.com/provingground/provingground/pkg/servicebustest/amqp"
	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/management"
)

// connection is what the server knows of one AMQP connection.
type connection struct {
	server *Server
	conn   *amqp.Conn

	mu      sync.Mutex
	grants  []access.Grant // of tokens, newest first, one a path
	replies []*replies     // open links for answers of nodes
	tokens  *requests      // the open link to $cbs
}

// attach decides about a link.
func (c *connection) attach(a *amqp.Attach) {
	path := access.Path(a.Address)
	do := func() *amqp.Error { return c.open(a, path) }
	c.run(step{entity: entityOf(path), operation: OpAttach, link: a.Link(), do: do, fail: a.Refuse})
}

// open answers a link that may be opened.
func (c *connection) open(a *amqp.Attach, path string) *amqp.Error {
	node, ok := nodeOf(path)
	switch {
	case a.Coordinator:
		return amqp.Errorf("amqp:not-implemented", "Transactions are not supported.")
	case ok:
		return c.openNode(a, node, entityOf(path))
	case a.Sends:
		return c.openSender(a, path)
	}
	return c.openReceiver(a, path)
}

// cbsNode is where clients put their tokens.
const cbsNode = "$cbs"

// nodeOf returns the node that a path names: $cbs, or $management of an entity.
func nodeOf(path string) (node string, ok bool) {
	last := strings.ToLower(path[strings.LastIndexByte(path, '/')+1:])
	return last, last == cbsNode || last == management.Node
}

// entityOf returns the path of the entity that a node belongs to.
func entityOf(path string) string {
	if _, ok := nodeOf(path); !ok {
		return path
	}
	return path[:max(strings.LastIndexByte(path, '/'), 0)]
}

func (c *connection) openSender(a *amqp.Attach, path string) *amqp.Error {
	if err := c.allowed(path, access.Send); err != nil {
		return err
	}
	var err error
	c.server.core.do(func(b *broker.Broker) { err = b.CanSend(path) })
	if err != nil {
		return wireError(err)
	}
	a.Sink(&sender{connection: c, path: path})
	return nil
}

// openNode opens one half of a pair of links to a node.
func (c *connection) openNode(a *amqp.Attach, node, entity string) *amqp.Error {
	if node == management.Node {
		if err := c.allowed(entity, 0); err != nil {
			return err
		}
		if !c.exists(entity) {
			return notFound(entity)
		}
	}
	if a.Sends {
		r := &requests{connection: c, node: node, entity: entity}
		if !c.addRequests(r) {
			return secondLink()
		}
		if !a.Sink(r) {
			r.Close()
		}
		return nil
	}
	r := &replies{connection: c, link: a.Link(), node: node, entity: entity, address: a.PeerAddress}
	if !c.addReplies(r) {
		return secondLink()
	}
	if !a.Source(r, a.Filter, nil) {
		r.Close()
	}
	return nil
}

// secondLink refuses a second pair of links to $cbs, as the service does: a
// client that lost track of its links finds out and begins anew.
func secondLink() *amqp.Error {
	return amqp.Errorf("amqp:not-allowed", "A connection has one pair of links to $cbs, and it is open already.")
}

func (c *connection) addRequests(r *requests) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case r.node != cbsNode:
		return true
	case c.tokens != nil:
		return false
	}
	c.tokens = r
	return true
}

func (c *connection) addReplies(r *replies) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	isCBS := func(x *replies) bool { return x.node == cbsNode }
	if r.node == cbsNode && slices.ContainsFunc(c.replies, isCBS) {
		return false
	}
	c.replies = append(c.replies, r)
	return true
}

func (c *connection) exists(path string) bool {
	ok := false
	c.server.core.do(func(b *broker.Broker) { ok = b.Has(path) })
	return ok
}

// allowed says whether a token of the connection gives rights for an entity; no
// rights at all mean any token for it.
func (c *connection) allowed(path string, wanted access.Rights) *amqp.Error {
	keys := access.Keys(c.server.options.Keys)
	if len(keys) == 0 {
		return nil
	}
	now := time.Now() // by which clients make tokens, whatever the server's clock says
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.conn.User() != ""
	for _, key := range keys {
		if known && key.Name == c.conn.User() && key.Rights.Has(wanted) {
			return nil
		}
	}
	for _, g := range c.grants {
		if g.Covers(path) && g.Rights.Has(wanted) && now.Before(g.Expires) {
			return nil
		}
	}
	return amqp.Errorf("amqp:unauthorized-access", "Unauthorized access. '%s' claim(s) are required to perform this operation. Resource: '%s'.", wanted, path)
}

// wireError returns an error of the broker as AMQP has it.
func wireError(err error) *amqp.Error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*broker.Error); ok { //nolint:errorlint // the broker does not wrap
		return &amqp.Error{Condition: encoding.Symbol(e.Condition), Description: e.Description}
	}
	return amqp.Errorf("amqp:internal-error", "%v", err)
}

func notFound(path string) *amqp.Error {
	return amqp.Errorf("amqp:not-found", "The messaging entity '%s' could not be found.", path)
}
