//go:build js && wasm

package host

import (
	"context"
	"errors"
	"runtime"
	"sync"
	_ "syscall/js" // links the runtime's event loop, which `resume` enters
	"unsafe"
)

//go:wasmimport edge start
func jsStart(self, inbox unsafe.Pointer)

//go:wasmimport edge op
func jsOp(event, call int32, p unsafe.Pointer, n int32)

//go:wasmimport edge sync
func jsSync(event int32, p unsafe.Pointer, n int32) int32

//go:wasmimport edge take
func jsTake(p unsafe.Pointer)

//go:wasmimport edge reply
func jsReply(event, kind int32, p unsafe.Pointer, n int32)

// What reply says.
const (
	replyValue = iota
	replyError
	replyEnd
	replyValueAndEnd
)

// wrongContext is jsSync's answer when Go runs inside another event's turn.
const wrongContext = -1 << 31

// inboxSize is what most messages fit into, maxSpare what is kept of the memory of
// one that was said.
const (
	inboxSize = 16 << 10
	maxSpare  = 64 << 10
	maxIdle   = 32 // goroutines that wait for an event
)

// bridge is this program's end of the calls. The host holds its address and
// passes it back with each call, so there is no global state.
type bridge struct {
	mu     sync.Mutex
	inbox  [inboxSize]byte // what the host is about to say
	in     []byte          // the same, where the inbox is too small
	out    []byte          // what was said last, for its memory
	calls  map[int32]*call
	next   int32
	events map[int32]*Event
	idle   []chan *Event // of goroutines that wait for another event
	handle func(*Event)
	drop   func(object int64)
}

type call struct {
	done  chan struct{}
	value any
	err   error
	op    string
}

// Serve hands each event to handle, in a goroutine of its own, and to drop each
// Durable Object that the host has forgotten. It does not return.
func Serve(handle func(*Event), drop func(object int64)) error {
	b := &bridge{calls: map[int32]*call{}, events: map[int32]*Event{}, handle: handle, drop: drop}
	jsStart(unsafe.Pointer(b), unsafe.Pointer(&b.inbox))
	<-make(chan struct{})
	runtime.KeepAlive(b)
	return nil
}

//go:wasmexport edge_alloc
func edgeAlloc(self unsafe.Pointer, n int32) unsafe.Pointer {
	b := (*bridge)(self)
	b.in = make([]byte, n)
	return unsafe.Pointer(unsafe.SliceData(b.in))
}

// take reads the n bytes that the host has put down.
func (b *bridge) take(n int32) (any, error) {
	in := b.in
	if in == nil {
		in = b.inbox[:n]
	}
	b.in = nil
	return Decode(in)
}

// say encodes a message into memory that spare gives back. The host reads it before
// it returns.
func (b *bridge) say(values ...any) ([]byte, error) {
	out := b.out[:0]
	b.out = nil
	return appendArray(out, values)
}

func (b *bridge) spare(out []byte) {
	if cap(out) <= maxSpare {
		b.out = out
	}
}

//go:wasmexport edge_event
func edgeEvent(self unsafe.Pointer, id, n int32) {
	b := (*bridge)(self)
	v, err := b.take(n)
	e := &Event{id: id, bridge: b, ended: make(chan struct{})}
	args, ok := v.([]any)
	if err != nil || !ok || len(args) == 0 {
		e.Fail(errors.Join(errors.New("edge: the host sent an event that cannot be read"), err))
		return
	}
	e.Kind, _ = args[0].(string)
	e.Args = args[1:]
	b.mu.Lock()
	b.events[id] = e
	b.mu.Unlock()
	b.dispatch(e)
}

// dispatch gives an event to a goroutine that has had one, because its stack has
// grown to what a handler needs, or else to a new one.
func (b *bridge) dispatch(e *Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if last := len(b.idle) - 1; last >= 0 {
		b.idle[last] <- e // it has room for one
		b.idle = b.idle[:last]
		return
	}
	go b.work(e)
}

// work handles an event, and then those that come, unless enough others wait.
func (b *bridge) work(e *Event) {
	for next := make(chan *Event, 1); ; e = <-next {
		b.handle(e)
		if !b.rest(next) {
			return
		}
	}
}

func (b *bridge) rest(next chan *Event) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.idle) == maxIdle {
		return false
	}
	b.idle = append(b.idle, next)
	return true
}

//go:wasmexport edge_done
func edgeDone(self unsafe.Pointer, id, failed, n int32) {
	b := (*bridge)(self)
	v, err := b.take(n)
	b.mu.Lock()
	c := b.calls[id]
	delete(b.calls, id)
	b.mu.Unlock()
	if c == nil {
		return // its context ended before the answer came
	}
	c.value, c.err = v, err
	if failed != 0 {
		text, _ := v.(string)
		c.value, c.err = nil, &Error{Op: c.op, Message: text}
	}
	close(c.done)
}

//go:wasmexport edge_cancel
func edgeCancel(self unsafe.Pointer, id, lost int32) {
	b := (*bridge)(self)
	b.mu.Lock()
	e := b.events[id]
	if lost != 0 {
		delete(b.events, id)
	}
	b.mu.Unlock()
	if e == nil {
		return
	}
	e.cancel()
	if lost != 0 {
		e.close()
	}
}

//go:wasmexport edge_drop
func edgeDrop(self unsafe.Pointer, object int32) { (*bridge)(self).drop(int64(object)) }

func (e *Event) call(ctx context.Context, op string, args []any) (any, error) {
	b := e.bridge
	msg, err := b.say(append([]any{op}, args...)...)
	if err != nil {
		return nil, err
	}
	c := &call{done: make(chan struct{}), op: op}
	b.mu.Lock()
	b.next++
	id := b.next
	b.calls[id] = c
	b.mu.Unlock()
	jsOp(e.id, id, unsafe.Pointer(unsafe.SliceData(msg)), int32(len(msg)))
	b.spare(msg)
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-e.ended:
		err = ErrEnded
	}
	b.mu.Lock()
	delete(b.calls, id)
	b.mu.Unlock()
	return nil, err
}

func (e *Event) sync(op string, args []any) (any, error) {
	msg, err := appendArray(nil, append([]any{op}, args...))
	if err != nil {
		return nil, err
	}
	for {
		n := jsSync(e.id, unsafe.Pointer(unsafe.SliceData(msg)), int32(len(msg)))
		runtime.KeepAlive(msg)
		if n != wrongContext {
			return syncResult(op, n)
		}
		// Another event's turn woke this goroutine. An operation that does
		// nothing comes back in the turn of this one.
		if _, err := e.call(context.Background(), "turn", nil); err != nil {
			return nil, err
		}
	}
}

// syncResult fetches the n bytes of the last result; n < 0 is a failure.
func syncResult(op string, n int32) (any, error) {
	if n == 0 {
		return nil, nil
	}
	b := make([]byte, max(n, -n))
	jsTake(unsafe.Pointer(unsafe.SliceData(b)))
	v, err := Decode(b)
	if err == nil && n < 0 {
		text, _ := v.(string)
		return nil, &Error{Op: op, Message: text}
	}
	return v, err
}

// Global runs an operation that belongs to no event: a variable, a log line.
func Global(op string, args ...any) (any, error) {
	msg, err := appendArray(nil, append([]any{op}, args...))
	if err != nil {
		return nil, err
	}
	n := jsSync(0, unsafe.Pointer(unsafe.SliceData(msg)), int32(len(msg)))
	runtime.KeepAlive(msg)
	return syncResult(op, n)
}

func (e *Event) reply(kind int32, v any) {
	b := e.bridge
	out := b.out[:0]
	b.out = nil
	msg, err := Append(out, v)
	if err != nil {
		kind = replyError
		msg, _ = Append(nil, err.Error())
	}
	jsReply(e.id, kind, unsafe.Pointer(unsafe.SliceData(msg)), int32(len(msg)))
	b.spare(msg)
}

// Reply answers the event; End must follow.
func (e *Event) Reply(v any) { e.reply(replyValue, v) }

// Fail answers the event with an error, which the host throws; End must follow.
func (e *Event) Fail(err error) { e.reply(replyError, err.Error()) }

// End waits for what Go started, then lets the host close the I/O context.
func (e *Event) End() {
	e.pending.Wait()
	e.finish(replyEnd, nil)
}

// ReplyAndEnd is Reply and End in one call, where nothing outlives the answer.
func (e *Event) ReplyAndEnd(v any) { e.finish(replyValueAndEnd, v) }

func (e *Event) finish(kind int32, v any) {
	e.bridge.mu.Lock()
	delete(e.bridge.events, e.id)
	e.bridge.mu.Unlock()
	e.reply(kind, v)
	e.cancel()
	e.close()
}
