package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
)

// room is the counter and the chat room in Durable Objects.
func room() subject {
	return subject{slug: "edgeroom", with: "both Workers and their objects", object: "/api/counters/object-", crowd: true, tasks: []task{
		{name: "empty answer", ask: func(w *worker, _ int) engine.Sender { return &asker{worker: w, request: get("/healthz", "")} }},
		{name: "counter, read", ask: func(w *worker, _ int) engine.Sender {
			return &asker{worker: w, request: get("/api/counters/bench", "")}
		}},
		{name: "counter, write", ask: func(w *worker, _ int) engine.Sender { return &incrementer{worker: w, run: rand.Uint64()} }},
		{name: fmt.Sprintf("message to %d", edgeUsers), ask: func(w *worker, _ int) engine.Sender {
			return &talker{worker: w, name: fmt.Sprintf("%016x", rand.Uint64())}
		}},
	}}
}

// incrementer increments one counter under a new key each time.
type incrementer struct {
	worker *worker
	run    uint64
	client http1.Client
	resp   http1.Response
}

// Send implements [engine.Sender].
func (i *incrementer) Send(ctx context.Context, k int64) engine.Outcome {
	i.client.Addr = i.worker.addr
	request, err := http1.NewRequest(http.MethodPost, "/api/counters/bench/increments", "edge", nil,
		http1.Field{Name: "Idempotency-Key", Value: fmt.Sprintf("%016x-%d", i.run, k)})
	if err != nil {
		return engine.Outcome{Kind: engine.Unknown}
	}
	return outcome(i.client.Do(ctx, request, &i.resp), &i.resp)
}

// Close implements [engine.Sender].
func (i *incrementer) Close() error { return i.client.Close() }

const (
	talkTimeout  = 8 * time.Second
	confirmEvery = 32 // messages
)

// talker is a member of one room. It says something, and hears what all say until it
// is told that its own is written.
type talker struct {
	worker *worker
	name   string
	conn   *websocket.Conn
}

// Send implements [engine.Sender].
func (t *talker) Send(ctx context.Context, k int64) engine.Outcome {
	ctx, cancel := context.WithTimeout(ctx, talkTimeout)
	defer cancel()
	if err := t.talk(ctx, fmt.Sprintf("%s-%d", t.name, k)); err != nil {
		return engine.Outcome{Kind: engine.KindOf(err)}
	}
	return engine.Outcome{Kind: engine.OK}
}

// heard is what a room sends.
type heard struct {
	Type, ID, Text string
	Seq            int64
}

func (t *talker) talk(ctx context.Context, id string) error {
	if t.conn == nil {
		if err := t.join(ctx); err != nil {
			return err
		}
	}
	if err := t.conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"type":"say","id":%q,"text":"A line of the benchmark"}`, id)); err != nil {
		return err
	}
	for {
		_, data, err := t.conn.Read(ctx)
		if err != nil {
			return err
		}
		var h heard
		if err := json.Unmarshal(data, &h); err != nil {
			return err
		}
		switch {
		case h.Type == "ack" && h.ID == id:
			return nil
		case h.Type == "refused":
			return fmt.Errorf("message %s is refused", id)
		case h.Type == "message" && h.Seq%confirmEvery == 0:
			if err := t.conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"type":"seen","seq":%d}`, h.Seq)); err != nil {
				return err
			}
		}
	}
}

func (t *talker) join(ctx context.Context) (err error) {
	t.conn, err = joinRoom(ctx, t.worker, "bench", t.name)
	return err
}

// joinRoom begins after all that was said so far.
func joinRoom(ctx context.Context, w *worker, room, client string) (*websocket.Conn, error) {
	conn, resp, err := websocket.Dial(ctx, fmt.Sprintf("ws://%s/api/rooms/%s?client=%s&after=%d", w.addr, room, client, int64(1)<<52), nil)
	if resp != nil && resp.Body != nil {
		resp.Body.Close()
	}
	return conn, err
}

// Close implements [engine.Sender].
func (t *talker) Close() error {
	if t.conn == nil {
		return nil
	}
	_ = t.conn.CloseNow() // the room finds out
	return nil
}
