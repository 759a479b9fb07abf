package durable

import (
	"context"
	"fmt"
	"net/http"

	"github.com/provingground/provingground/pkg/edge/internal/web"
)

// Host gives the events of objects to them. It is for package edge: a program names
// its classes in edge.App.
type Host struct {
	classes map[string]New
	objects objects
}

// NewHost returns the host of the objects of these classes.
func NewHost(classes map[string]New) *Host {
	return &Host{classes: classes, objects: objects{all: map[int64]instance{}}}
}

// Drop forgets an object that the platform took out of memory.
func (h *Host) Drop(object int64) { h.objects.drop(object) }

// Fetch returns the handler of a request's object, and the rest of its arguments.
func (h *Host) Fetch(args []any) (http.Handler, []any, error) {
	in, rest, err := h.object(args)
	return in.object, rest, err
}

func (h *Host) object(args []any) (instance, []any, error) {
	if len(args) == 0 {
		return instance{}, nil, errNoObject
	}
	id, _ := args[0].(int64)
	in, err := h.objects.get(id)
	return in, args[1:], err
}

// Answer carries out each other event of an object.
func (h *Host) Answer(ctx context.Context, kind string, args []any) error {
	if kind == "object.new" {
		return h.make(ctx, args)
	}
	in, rest, err := h.object(args)
	if err != nil {
		return err
	}
	switch kind {
	case "object.inside":
		return in.state.run(ctx, rest)
	case "object.alarm":
		return in.alarm(ctx, rest)
	case "object.message":
		return in.message(ctx, rest)
	case "object.closed":
		return in.closed(ctx, rest)
	}
	return fmt.Errorf("durable: an event %q of the host", kind)
}

// make reads [number, class, id, name].
func (h *Host) make(ctx context.Context, args []any) error {
	if len(args) != 4 {
		return errNoObject
	}
	id, _ := args[0].(int64)
	class, _ := args[1].(string)
	s := &State{number: id, inside: map[int64]func(context.Context) error{}}
	s.id, _ = args[2].(string)
	s.name, _ = args[3].(string)
	build := h.classes[class]
	if build == nil {
		return fmt.Errorf("durable: edge.App has no class %q", class)
	}
	h.objects.put(id, instance{state: s}) // for a transaction while it is made
	object, err := build(ctx, s)
	if err != nil {
		h.objects.drop(id)
		return fmt.Errorf("durable: new %s: %w", class, err)
	}
	h.objects.put(id, instance{s, object})
	return nil
}

func (in instance) alarm(ctx context.Context, args []any) error {
	a, ok := in.object.(Alarmer)
	if !ok || len(args) != 1 {
		return fmt.Errorf("durable: a %T has no method Alarm", in.object)
	}
	return a.Alarm(ctx, web.Int(args[0]))
}

// message reads [socket, data].
func (in instance) message(ctx context.Context, args []any) error {
	r, ok := in.object.(Receiver)
	if !ok || len(args) != 2 {
		return fmt.Errorf("durable: a %T has no method Receive", in.object)
	}
	r.Receive(ctx, socketOf(args[0]), messageOf(args[1]))
	return nil
}

// closed reads [socket, code, reason].
func (in instance) closed(ctx context.Context, args []any) error {
	r, ok := in.object.(Receiver)
	if !ok || len(args) != 3 {
		return nil // nobody asked
	}
	reason, _ := args[2].(string)
	r.Closed(ctx, socketOf(args[0]), web.Int(args[1]), reason)
	return nil
}
