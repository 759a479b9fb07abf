// Package durable is Durable Objects written in Go: of each name one object in the
// world, with a SQLite database of its own, WebSockets that outlive it and an alarm.
//
// A class is a function that makes an object, under the name that wrangler.jsonc
// gives it; entry.mjs exports it under the same name:
//
//	export class Counter extends objectClass("Counter") {}
//
// The object is an http.Handler. It is an Alarmer and a Receiver too, if it has an
// alarm or WebSockets.
//
// The platform takes an object out of memory when it has been idle for some seconds,
// and when it moves: what must last is in the database or attached to a socket. So
// it is made anew now and then, and must not take its fields for the truth.
//
// Events of one object run as goroutines beside each other. The database's calls
// return at once, so what is done between two other calls is done alone; a lock is
// needed across calls that wait, or Block. An answer, and a message to a socket, is
// held back until what was written before it is on disk.
//
// Each call takes the context of an event of the same object. A call of another
// object is an HTTP request to it, through a Namespace.
package durable

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
)

// New makes an object, before its first event. No event arrives until it returned;
// an error fails those that wait, and the next one tries again.
type New func(ctx context.Context, s *State) (http.Handler, error)

// An Alarmer is an object that has set an alarm. An error makes the platform try
// again, up to six times, 2 s later at first; tries counts those before this one.
type Alarmer interface {
	Alarm(ctx context.Context, tries int) error
}

// A Receiver is an object that has accepted WebSockets. A message of up to 32 MiB
// arrives whole; Closed is called once for each socket, also when it broke (then
// with the code 1006), but not for one that the object closed itself before its
// client answered.
type Receiver interface {
	Receive(ctx context.Context, s Socket, m Message)
	Closed(ctx context.Context, s Socket, code int, reason string)
}

// State is what the platform keeps for an object.
type State struct {
	number   int64 // the host's
	id, name string

	mu     sync.Mutex
	next   int64
	inside map[int64]func(context.Context) error // what runs while no other event does
}

// ID names the object in the world: 64 hexadecimal digits.
func (s *State) ID() string { return s.id }

// Name is the name that the object was asked for by.
func (s *State) Name() string { return s.name }

var errNoObject = errors.New("durable: the host sent an event for an object that is not there")

// instance is an object in memory.
type instance struct {
	state  *State
	object http.Handler
}

// objects are those in memory, by the host's numbers.
type objects struct {
	mu  sync.Mutex
	all map[int64]instance
}

func (o *objects) put(id int64, in instance) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all[id] = in
}

func (o *objects) get(id int64) (instance, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	in, ok := o.all[id]
	if !ok {
		return instance{}, fmt.Errorf("%w: number %d", errNoObject, id)
	}
	return in, nil
}

func (o *objects) drop(id int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.all, id)
}
