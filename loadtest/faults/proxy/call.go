package proxy

import (
	"errors"
	"net"
)

// ErrBroken is returned by Call when the client is to see a broken connection.
var ErrBroken = errors.New("proxy: the connection breaks here")

// Call is one operation of a protocol that Options.Told says is cut elsewhere: it
// counts it, lets the faults take it, and calls forward, which has the server
// execute it and holds the answer. Calls run at once; done ends the waiting of one
// whose client is gone.
//
// The caller answers its client with instead if that is not nil (the bytes of an
// [Instead], in whatever form that caller gave them), with a broken connection
// for ErrBroken, and else with what forward holds, an error of the server
// included. An effect that rewrites is skipped.
func (p *Proxy) Call(done <-chan struct{}, operation string, request []byte, forward func()) (instead []byte, err error) {
	op := &Operation{Name: operation}
	plan, err := p.admit(done, 0, Request{Operation: op}, true)
	if err != nil {
		return nil, err
	}
	if plan == nil {
		p.forward(op, forward)
		if err := p.o.World.pass(done, func() {}); err != nil {
			return nil, err
		}
		p.ledger.answered(op)
		return nil, nil
	}
	if instead, err = p.before(done, plan, request); instead != nil || err != nil {
		return instead, err
	}
	p.forward(op, forward)
	if plan.twice {
		p.forward(op, forward)
	}
	return nil, p.after(done, op, plan)
}

func (p *Proxy) forward(op *Operation, forward func()) {
	p.ledger.forwarded(op)
	forward()
}

// before is what happens to an operation that the server has not seen.
func (p *Proxy) before(done <-chan struct{}, plan *plan, request []byte) (instead []byte, err error) {
	if plan.kills(Before) { // the world stands still since it was admitted
		defer p.o.World.resume()
		plan.kill()
		return nil, ErrBroken
	}
	if plan.before > 0 && !sleep(done, plan.before) {
		return nil, net.ErrClosed
	}
	switch {
	case plan.reset:
		return nil, ErrBroken
	case plan.instead != nil:
		return plan.instead(request), nil
	case plan.rewrite != nil:
		plan.skip()
	}
	return nil, nil
}

// after is what happens to an answer that the client has not seen.
func (p *Proxy) after(done <-chan struct{}, op *Operation, plan *plan) error {
	if plan.kills(After) {
		if err := p.o.World.pass(done, p.o.World.stopLocked); err != nil {
			return err
		}
		defer p.o.World.resume()
		plan.kill()
		return ErrBroken
	}
	if err := p.o.World.pass(done, func() {}); err != nil {
		return err
	}
	if plan.after > 0 && !sleep(done, plan.after) {
		return net.ErrClosed
	}
	if plan.withholds() {
		return ErrBroken
	}
	p.ledger.answered(op)
	return nil
}
