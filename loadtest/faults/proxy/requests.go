package proxy

import (
	"errors"
	"io"
	"net"
)

// requests carries what the client sends, until it ends.
func (c *pair) requests() error {
	if c.session == nil {
		return through(c.fromClient, c.toServer, c.server)
	}
	for {
		req, err := c.session.Request(c.fromClient)
		if errors.Is(err, io.EOF) {
			return halfClose(c.toServer, c.server)
		}
		if err != nil {
			return err
		}
		if err := c.request(req); err != nil {
			return err
		}
		if req.Through {
			return through(c.fromClient, c.toServer, c.server)
		}
	}
}

func (c *pair) request(req Request) error {
	op := req.Operation
	switch {
	case req.Local != nil:
		return c.toClient.send(req.Local)
	case op == nil:
		return req.whole(c.toServer)
	}
	exposed := !op.Minor && c.p.may(op.Name)
	if c.alone || exposed {
		if err := c.idle(); err != nil {
			return err
		}
	}
	plan, err := c.p.admit(c.done, c.id, req, exposed)
	if err != nil {
		return err
	}
	c.alone = plan != nil
	if plan != nil {
		return c.faulty(req, plan)
	}
	return c.forward(req, &pending{op: op, through: req.Through})
}

// idle waits until everything before is answered.
func (c *pair) idle() error {
	if err := c.toServer.Flush(); err != nil {
		return err
	}
	return c.flight.idle()
}

func (c *pair) forward(req Request, p *pending) error {
	if err := c.launch(p); err != nil {
		return err
	}
	return req.whole(c.toServer)
}

// launch comes before the first byte, so that no answer meets an empty line.
func (c *pair) launch(p *pending) error {
	c.p.ledger.forwarded(p.op)
	return c.flight.push(p)
}

// faulty does what the faults say. Nothing else of this connection is under way.
func (c *pair) faulty(req Request, plan *plan) error {
	if plan.kills(Before) {
		return c.killed(req, plan)
	}
	if plan.before > 0 && !sleep(c.done, plan.before) {
		return net.ErrClosed
	}
	switch {
	case plan.reset:
		return errReset
	case plan.instead != nil:
		return c.instead(req, plan)
	case plan.rewrite != nil || plan.twice:
		return c.held(req, plan)
	}
	return c.forward(req, &pending{op: req.Operation, plan: plan, through: req.Through})
}

// killed ends a process before its request is seen. While a long request is still
// coming the world goes on; a short one has stopped it when it was admitted.
func (c *pair) killed(req Request, plan *plan) error {
	if req.Rest != nil {
		if err := c.swallow(req); err != nil {
			return err
		}
		if err := c.p.o.World.pass(c.done, c.p.o.World.stopLocked); err != nil {
			return err
		}
	}
	defer c.p.o.World.resume()
	plan.kill()
	return errReset
}

// swallow reads the request to its end.
func (c *pair) swallow(req Request) error {
	if err := c.invite(req); err != nil {
		return err
	}
	return req.rest(io.Discard)
}

func (c *pair) invite(req Request) error {
	if req.Invite == nil {
		return nil
	}
	return c.toClient.send(req.Invite)
}

func (c *pair) instead(req Request, plan *plan) error {
	answer := plan.instead(req.Head)
	if err := c.swallow(req); err != nil {
		return err
	}
	return c.deliver(req.Operation, plan, answer)
}

// deliver ends an operation whose answer is held whole.
func (c *pair) deliver(op *Operation, plan *plan, answer []byte) error {
	if err := c.ending(plan); err != nil {
		return err
	}
	if plan.after > 0 && !sleep(c.done, plan.after) {
		return net.ErrClosed
	}
	c.p.ledger.answered(op)
	return c.toClient.send(answer)
}

// held reads the request whole, to change it or to send it twice. A larger one
// goes on as it comes.
func (c *pair) held(req Request, plan *plan) error {
	if err := c.invite(req); err != nil {
		return err
	}
	large := &pending{op: req.Operation, plan: plan}
	whole := &spill{buffer: buffer{limit: c.p.o.MaxBuffered}, to: c.toServer, before: func() error { return c.launch(large) }}
	if err := req.whole(whole); err != nil {
		return err
	}
	if whole.over {
		plan.skip()
		return nil
	}
	return c.changed(req.Operation, plan, whole.Bytes())
}

func (c *pair) changed(op *Operation, plan *plan, request []byte) (err error) {
	restore := func(answer []byte) ([]byte, error) { return answer, nil }
	if plan.rewrite != nil {
		forward, change := plan.rewrite(request)
		switch {
		case change == nil:
			plan.skip()
		default:
			request, restore = forward, change
		}
	}
	var answer []byte
	if request != nil {
		if answer, err = c.exchange(op, request); err != nil {
			return err
		}
	}
	if request != nil && plan.twice {
		if _, err = c.exchange(op, request); err != nil {
			return err
		}
	}
	if answer, err = restore(answer); err != nil {
		return err
	}
	return c.deliver(op, plan, answer)
}

// exchange sends a request that is held and returns the whole answer.
func (c *pair) exchange(op *Operation, request []byte) ([]byte, error) {
	answer := &buffer{limit: c.p.o.MaxBuffered}
	if err := c.launch(&pending{op: op, captured: answer}); err != nil {
		return nil, err
	}
	if err := c.toServer.send(request); err != nil {
		return nil, err
	}
	err := c.flight.idle()
	return answer.Bytes(), err
}
