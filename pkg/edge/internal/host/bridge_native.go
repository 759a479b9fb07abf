//go:build !(js && wasm)

package host

import "context"

//lint:ignore U1000 it is there inside workerd
type bridge struct{}

// Serve refuses: there is no host outside workerd.
func Serve(func(*Event), func(object int64)) error { return ErrNotInWorker }

// Global refuses: there is no host outside workerd.
func Global(string, ...any) (any, error) { return nil, ErrNotInWorker }

// Reply answers the event.
func (e *Event) Reply(any) {}

// Fail answers the event with an error.
func (e *Event) Fail(error) {}

// End waits for what Go started.
func (e *Event) End() { e.pending.Wait() }

// ReplyAndEnd is Reply and End in one call.
func (e *Event) ReplyAndEnd(any) { e.close() }

func (e *Event) call(context.Context, string, []any) (any, error) { return nil, ErrNotInWorker }

func (e *Event) sync(string, []any) (any, error) { return nil, ErrNotInWorker }
