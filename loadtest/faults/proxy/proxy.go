// Package proxy stands between a role and one server and lets things go wrong
// on the wire.
//
// It forwards every byte as it is. A [Protocol] shows it where operations begin
// and end, so that a [Fault] can hit exactly one of them: before the server has
// seen it, or after the server has executed it and before the client knows. A
// [Link] breaks the wire under all connections; it needs no protocol.
//
// Each connection of a client has its own connection to the server, and operations
// keep their order on it. Those that a fault might take are sent one at a time.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// Options configure a proxy.
type Options struct {
	Server   string   // host:port
	Protocol Protocol // nil: no operations are known, only the link can break
	// Told says that somebody behind the proxy calls Call for each operation, as
	// for a protocol that has many under way on one connection.
	Told bool
	// MaxConnections bounds open connections; more are reset. Default: 1024.
	MaxConnections int
	// MaxBuffered bounds what is held of one request and of one answer where a
	// fault needs it whole. Default: 16 MiB.
	MaxBuffered int
	// World is what a Kill stops; default: this proxy alone.
	World *World
}

func (o Options) withDefaults() Options {
	if o.MaxConnections == 0 {
		o.MaxConnections = 1024
	}
	if o.MaxBuffered == 0 {
		o.MaxBuffered = 16 << 20
	}
	if o.World == nil {
		o.World = &World{}
	}
	return o
}

// Proxy is a running proxy.
type Proxy struct {
	o        Options
	listener net.Listener
	line     *line
	ledger   ledger
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu     sync.Mutex
	faults []*Injected
	pairs  map[*pair]bool
	conns  int64
	closed bool
}

// Start listens on a free port of 127.0.0.1. The proxy runs until Close; ctx
// bounds the start alone.
func Start(ctx context.Context, o Options) (*Proxy, error) {
	if _, _, err := net.SplitHostPort(o.Server); err != nil {
		return nil, fmt.Errorf("proxy: server %q: %w", o.Server, err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &Proxy{
		o: o.withDefaults(), listener: listener, line: newLine(), cancel: cancel,
		ledger: ledger{counts: map[string]Count{}}, pairs: map[*pair]bool{},
	}
	p.running.Go(func() { p.accept(running) })
	return p, nil
}

// Addr returns host:port of the proxy.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Server returns host:port of the server.
func (p *Proxy) Server() string { return p.o.Server }

// Close resets all connections and returns when nothing of the proxy runs.
func (p *Proxy) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	err := p.listener.Close()
	p.cut()
	p.running.Wait()
	return err
}

// Inject switches a fault on. Operations that are on their way stay as they are.
func (p *Proxy) Inject(f Fault) (*Injected, error) {
	if err := f.On.validate(); err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	if p.o.Protocol == nil && !p.o.Told {
		return nil, errors.New("proxy: without a protocol only the link can break")
	}
	in := newInjected(f, p.remove)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, in)
	return in, nil
}

func (p *Proxy) remove(in *Injected) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = slices.DeleteFunc(p.faults, func(f *Injected) bool { return f == in })
}

// SetLink changes the wire under all connections.
func (p *Proxy) SetLink(l Link) {
	p.line.set(l)
	if l.Down {
		p.cut()
	}
}

// Counts returns what happened to operations since the last Clear, by name. More
// than 1000 names are counted as "other".
func (p *Proxy) Counts() map[string]Count {
	counts, _, _ := p.ledger.snapshot()
	return counts
}

// Connections returns what happened to connections since the start.
func (p *Proxy) Connections() Connections {
	_, conns, _ := p.ledger.snapshot()
	return conns
}

// Recording returns the first 10,000 operations since the last Clear.
func (p *Proxy) Recording() Recording {
	_, _, recording := p.ledger.snapshot()
	return recording
}

// Clear forgets counts and records of operations.
func (p *Proxy) Clear() { p.ledger.clear() }

// may reports whether a fault could take an operation of this name.
func (p *Proxy) may(operation string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	return slices.ContainsFunc(p.faults, func(in *Injected) bool { return in.may(operation, now) })
}

// admit counts an operation and decides what happens to it, nil for nothing. For
// a Kill before it, the world stands still from here on if the request is there
// as a whole.
func (p *Proxy) admit(done <-chan struct{}, conn int64, req Request, exposed bool) (*plan, error) {
	var decided *plan
	op := req.Operation
	err := p.o.World.pass(done, func() {
		r := Record{At: time.Now(), Conn: conn, Operation: op.Name}
		if exposed {
			decided = p.decide(op)
		}
		if decided != nil {
			r.Fault = decided.name()
		}
		if decided != nil && decided.kills(Before) && req.Rest == nil {
			p.o.World.stopLocked()
		}
		if !op.Minor {
			p.ledger.record(r)
		}
	})
	return decided, err
}

func (p *Proxy) decide(op *Operation) *plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	var decided plan
	now := time.Now()
	for _, in := range p.faults {
		if in.take(op.Name, now) {
			decided.add(in)
		}
	}
	if len(decided.faults) == 0 {
		return nil
	}
	return &decided
}

// cut resets every open connection.
func (p *Proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		c.end(true)
	}
}
