package proxy

import (
	"io"
	"net"
)

// answers carries what the server sends, until it ends.
func (c *pair) answers() error {
	for {
		if _, err := c.fromServer.Peek(1); err != nil && c.session != nil {
			return err
		}
		front := c.flight.front()
		if c.session == nil || front != nil && front.through {
			return through(c.fromServer, c.toClient, c.client)
		}
		var op *Operation
		if front != nil {
			op = front.op
		}
		answer, err := c.session.Answer(c.fromServer, op)
		if err != nil {
			return unexpected(err)
		}
		if err := c.answer(front, answer); err != nil {
			return err
		}
	}
}

func (c *pair) answer(front *pending, answer Answer) error {
	if front == nil || answer.Aside {
		return answer.whole(c.toClient)
	}
	if err := c.begin(front); err != nil {
		return err
	}
	if err := c.carry(front, answer); err != nil {
		return err
	}
	if answer.Last {
		c.flight.pop()
	}
	return nil
}

// begin holds the beginning of an answer while the world stands still, and for
// as long as a fault says.
func (c *pair) begin(p *pending) error {
	if p.begun {
		return nil
	}
	p.begun = true
	if err := c.p.o.World.pass(c.done, func() {}); err != nil {
		return err
	}
	if p.plan == nil || p.plan.after == 0 {
		return nil
	}
	if err := c.toClient.Flush(); err != nil {
		return err
	}
	if !sleep(c.done, p.plan.after) {
		return net.ErrClosed
	}
	return nil
}

func (c *pair) carry(p *pending, answer Answer) error {
	switch {
	case p.captured != nil:
		return answer.whole(p.captured)
	case p.plan.withholds():
		if err := answer.rest(io.Discard); err != nil || !answer.Last {
			return err
		}
		return c.ending(p.plan)
	}
	if answer.Last {
		c.p.ledger.answered(p.op) // who has read the answer finds it counted
	}
	return answer.whole(c.toClient)
}

// ending ends the connection where the plan says that the answer is not delivered.
func (c *pair) ending(p *plan) error {
	switch {
	case p.kills(After):
		if err := c.p.o.World.pass(c.done, c.p.o.World.stopLocked); err != nil {
			return err
		}
		defer c.p.o.World.resume()
		p.kill()
		return errReset
	case p.withholds():
		return errLost
	}
	return nil
}
