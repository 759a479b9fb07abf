package durable

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/provingground/provingground/pkg/edge/internal/host"
	"github.com/provingground/provingground/pkg/edge/internal/web"
)

// Socket is a WebSocket of an object. It names the same one for as long as the
// object is in memory; in between, the platform holds the connection alone.
type Socket struct{ number int64 }

// Message is what a client sent, or what is sent to it.
type Message struct {
	Data   []byte
	Binary bool
}

func messageOf(v any) Message {
	if text, ok := v.(string); ok {
		return Message{Data: []byte(text)}
	}
	data, _ := v.([]byte)
	return Message{Data: data, Binary: true}
}

func (m Message) value() any {
	if m.Binary {
		if m.Data == nil {
			return []byte{}
		}
		return m.Data
	}
	return string(m.Data)
}

func socketOf(v any) Socket {
	n, _ := v.(int64)
	return Socket{n}
}

// Accept makes a WebSocket of a request to the object and answers it; what arrives
// then goes to Receive. Tags, ten at most of 256 characters, tell sockets apart. On
// an error nothing is answered yet.
func (s *State) Accept(w http.ResponseWriter, r *http.Request, tags ...string) (Socket, error) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return Socket{}, fmt.Errorf("durable: Upgrade is %q, want websocket", r.Header.Get("Upgrade"))
	}
	out, err := web.Of(w)
	if err != nil {
		return Socket{}, err
	}
	if tags == nil {
		tags = []string{}
	}
	v, err := host.Sync(r.Context(), "socket.accept", tags)
	if err != nil {
		return Socket{}, err
	}
	pair, _ := v.([]any)
	if len(pair) != 2 {
		return Socket{}, fmt.Errorf("durable: the host answered %v instead of a WebSocket", v)
	}
	return socketOf(pair[1]), out.Upgrade(web.Int(pair[0]))
}

// Sockets returns the object's sockets with a tag, or all where it is empty.
func (s *State) Sockets(ctx context.Context, tag string) ([]Socket, error) {
	v, err := host.Sync(ctx, "socket.all", tag)
	if err != nil {
		return nil, err
	}
	list, _ := v.([]any)
	all := make([]Socket, len(list))
	for i, n := range list {
		all[i] = socketOf(n)
	}
	return all, nil
}

// Send sends a message to each of the sockets and returns those that are closed
// already. The platform queues what a client does not read without telling: who must
// bound that lets clients confirm what they have seen.
func (s *State) Send(ctx context.Context, m Message, to ...Socket) (closed []Socket, err error) {
	list := make([]any, len(to))
	for i, each := range to {
		list[i] = each.number
	}
	v, err := host.Sync(ctx, "socket.send", list, m.value())
	if err != nil {
		return nil, err
	}
	failed, _ := v.([]any)
	for _, n := range failed {
		closed = append(closed, socketOf(n))
	}
	return closed, nil
}

// AutoResponse lets the platform answer a text message by another without waking
// the object.
func (s *State) AutoResponse(ctx context.Context, ask, answer string) error {
	_, err := host.Sync(ctx, "socket.auto", ask, answer)
	return err
}

// Close closes the socket: 1000, or 3000 to 4999, and a reason of 123 bytes at most.
func (s Socket) Close(ctx context.Context, code int, reason string) error {
	_, err := host.Sync(ctx, "socket.close", s.number, code, reason)
	return err
}

// Attach keeps up to 2 KiB with the socket, for an object that was made anew.
func (s Socket) Attach(ctx context.Context, data []byte) error {
	_, err := host.Sync(ctx, "socket.attach", s.number, data)
	return err
}

// Attached returns what was attached, or nil.
func (s Socket) Attached(ctx context.Context) ([]byte, error) {
	v, err := host.Sync(ctx, "socket.attached", s.number)
	data, _ := v.([]byte)
	return data, err
}

// Tags returns those that the socket was accepted with.
func (s Socket) Tags(ctx context.Context) ([]string, error) {
	v, err := host.Sync(ctx, "socket.tags", s.number)
	if err != nil {
		return nil, err
	}
	list, _ := v.([]any)
	tags := make([]string, len(list))
	for i, tag := range list {
		tags[i], _ = tag.(string)
	}
	return tags, nil
}
