package proxy

import "time"

// An Effect is what a fault does to an operation. The functions of this package
// and of the protocol packages make them. Several faults may take one operation:
// delays add up, and the end that comes first on the wire wins.
type Effect struct {
	name    string
	before  time.Duration
	after   time.Duration
	reset   bool
	lose    bool
	twice   bool
	instead func(request []byte) []byte
	rewrite Rewrite
	stop    *stop
}

// When is a moment in the life of an operation.
type When int

// Before: the request was read to its end and the server has not seen it. After:
// the server's answer was read to its end and the client has not seen it.
const (
	Before When = iota
	After
)

// String returns the word.
func (w When) String() string { return [...]string{"before", "after"}[w] }

// LoseAnswer forwards the request, reads the whole answer and closes the client's
// connection instead of delivering it: the operation was executed and nobody
// knows. What the client had sent behind it is lost.
func LoseAnswer() Effect { return Effect{name: "lost answer", lose: true} }

// Reset resets the client's connection; the server never sees the request.
func Reset() Effect { return Effect{name: "reset", reset: true} }

// Delay holds the request before it is forwarded, or the answer when its
// beginning has arrived.
func Delay(when When, d time.Duration) Effect {
	if when == After {
		return Effect{name: "delay after", after: d}
	}
	return Effect{name: "delay before", before: d}
}

// Duplicate forwards the request a second time when the first is answered. The
// client gets the first answer, after both.
func Duplicate() Effect { return Effect{name: "duplicate", twice: true} }

// Instead answers in the server's place, which never sees the request. The
// function gets the beginning of the request: of HTTP its headers.
func Instead(name string, answer func(request []byte) []byte) Effect {
	return Effect{name: name, instead: answer}
}

// A Rewrite changes a request and its answer, each whole. forward is what the
// server gets; nil: nothing is forwarded and answer is called with nil. A nil
// answer means that this request is not one to change.
type Rewrite func(request []byte) (forward []byte, answer func([]byte) ([]byte, error))

// Rewritten changes a request and its answer. Requests above the proxy's
// MaxBuffered are left as they are.
func Rewritten(name string, r Rewrite) Effect { return Effect{name: name, rewrite: r} }

// Kill stops all operations of the proxy's World at that moment, calls the
// function, which returns when the process is gone, then cuts the connection and
// lets the others go on.
func Kill(when When, kill func() error) Effect {
	return Effect{name: "kill " + when.String(), stop: &stop{when: when, kill: kill}}
}

// stop is where a process ends.
type stop struct {
	when When
	kill func() error
}

// plan is what the faults that took an operation do to it, together.
type plan struct {
	Effect
	faults []*Injected
}

func (p *plan) add(in *Injected) {
	e := in.fault.Effect
	p.faults = append(p.faults, in)
	p.before += e.before
	p.after += e.after
	p.reset = p.reset || e.reset
	p.lose = p.lose || e.lose
	p.twice = p.twice || e.twice
	if e.instead != nil {
		p.instead = e.instead
	}
	if e.rewrite != nil {
		p.rewrite = e.rewrite
	}
	if e.stop != nil {
		p.stop = e.stop
	}
}

func (p *plan) kills(when When) bool { return p.stop != nil && p.stop.when == when }

// withholds reports whether the client never gets the answer.
func (p *plan) withholds() bool { return p != nil && (p.lose || p.kills(After)) }

// skip tells the faults that change or repeat a request that they did not.
func (p *plan) skip() {
	for _, in := range p.faults {
		if in.fault.rewrite != nil || in.fault.twice {
			in.skip()
		}
	}
}

func (p *plan) name() string {
	if len(p.faults) == 0 {
		return ""
	}
	return p.faults[0].name()
}

// kill calls the function of a Kill and tells its faults.
func (p *plan) kill() {
	err := p.stop.kill()
	for _, in := range p.faults {
		if in.fault.stop == p.stop {
			in.finish(err)
		}
	}
}
