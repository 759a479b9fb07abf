package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/provingground/provingground/pkg/edge"
	"github.com/provingground/provingground/pkg/edge/durable"
)

// room is a Durable Object that does a bit of everything.
type room struct {
	http.Handler
	state *durable.State
	life  uint32 // differs each time it is made
	lock  sync.Mutex
	open  int // requests between two waits
}

func newRoom(ctx context.Context, s *durable.State) (http.Handler, error) {
	if s.Name() == "broken" {
		return nil, errors.New("it will not be made")
	}
	for _, sql := range []string{
		"CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)",
		"INSERT INTO counter VALUES (1, 0) ON CONFLICT DO NOTHING",
		"CREATE TABLE IF NOT EXISTS notes (note TEXT)",
	} {
		if _, err := s.SQL(ctx, sql); err != nil {
			return nil, err
		}
	}
	r := &room{state: s, life: rand.Uint32()}
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(context.Context, *http.Request) (any, error){
		"POST /room/{name}/add":      r.add,
		"GET /room/{name}/value":     r.value,
		"GET /room/{name}/types":     r.types,
		"POST /room/{name}/rollback": r.rollback,
		"POST /room/{name}/block":    r.block,
		"POST /room/{name}/alarm":    r.setAlarm,
		"GET /room/{name}/notes":     r.notes,
		"GET /room/{name}/life":      func(context.Context, *http.Request) (any, error) { return r.life, nil },
		"GET /room/{name}/panic":     func(context.Context, *http.Request) (any, error) { panic("in an object, on purpose") },
		"POST /room/{name}/abort":    func(ctx context.Context, _ *http.Request) (any, error) { return nil, s.Abort(ctx, "on purpose") },
		"POST /room/{name}/cast":     r.cast,
		"PUT /room/{name}/echo":      said,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
			v, err := h(req.Context(), req)
			answer(w, v, err)
		})
	}
	mux.HandleFunc("GET /room/{name}/ws", r.join)
	r.Handler = mux
	return r, nil
}

// said is what the request's body says.
func said(_ context.Context, r *http.Request) (any, error) {
	body, err := io.ReadAll(r.Body)
	return string(body), err
}

// add counts, alone although it waits in between.
func (r *room) add(ctx context.Context, _ *http.Request) (any, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	before, err := r.count(ctx)
	if err != nil {
		return nil, err
	}
	if err := edge.Sleep(ctx, time.Millisecond); err != nil {
		return nil, err
	}
	_, err = r.state.SQL(ctx, "UPDATE counter SET n = ?", before+1)
	return before + 1, err
}

func (r *room) count(ctx context.Context) (int64, error) {
	got, err := r.state.SQL(ctx, "SELECT n FROM counter")
	if err != nil {
		return 0, err
	}
	n, _ := got.Rows[0][0].(int64)
	return n, nil
}

func (r *room) value(ctx context.Context, _ *http.Request) (any, error) { return r.count(ctx) }

// types lets each kind of value go to the database and back.
func (r *room) types(ctx context.Context, _ *http.Request) (any, error) {
	got, err := r.state.SQL(ctx, "SELECT ? AS absent, ? AS whole, ? AS broken, ? AS text, ? AS bytes", nil, int64(1)<<53-1, 1.5, "ümläut", []byte{0, 255})
	if err != nil {
		return nil, err
	}
	if _, err := r.state.SQL(ctx, "SELECT * FROM nowhere"); err == nil || !strings.Contains(err.Error(), "no such table") {
		return nil, fmt.Errorf("a table that is not there: %w", err)
	}
	if _, err := r.state.SQL(ctx, "SELECT ?", int64(1)<<53+1); err == nil {
		return nil, errors.New("an integer that JavaScript would round was let through")
	}
	return fmt.Sprintf("%v %v", got.Columns, got.Rows), nil
}

// rollback writes in a transaction that fails, and in one that does not.
func (r *room) rollback(ctx context.Context, _ *http.Request) (any, error) {
	onPurpose := errors.New("on purpose")
	err := r.state.Transaction(ctx, func(ctx context.Context) error {
		if _, err := r.state.SQL(ctx, "UPDATE counter SET n = n + 1000"); err != nil {
			return err
		}
		if err := edge.Sleep(ctx, time.Millisecond); err != nil {
			return err
		}
		return onPurpose
	})
	if !errors.Is(err, onPurpose) {
		return nil, fmt.Errorf("the transaction ended with %w", err)
	}
	err = r.state.Transaction(ctx, func(ctx context.Context) error {
		_, err := r.state.SQL(ctx, "UPDATE counter SET n = n + 1")
		return err
	})
	if err != nil {
		return nil, err
	}
	return r.count(ctx)
}

// block waits while no other request is let in, and returns how many came.
func (r *room) block(ctx context.Context, _ *http.Request) (any, error) {
	r.open++
	others := 0
	err := r.state.Block(ctx, func(ctx context.Context) error {
		before := r.open
		err := edge.Sleep(ctx, 100*time.Millisecond)
		others = r.open - before
		return err
	})
	return others, err
}

func (r *room) setAlarm(ctx context.Context, req *http.Request) (any, error) {
	ms, err := strconv.Atoi(req.FormValue("ms"))
	if err != nil {
		return nil, err
	}
	if err := r.state.SetAlarm(ctx, time.Now().Add(time.Duration(ms)*time.Millisecond)); err != nil {
		return nil, err
	}
	at, err := r.state.NextAlarm(ctx)
	return !at.IsZero(), err
}

// Alarm fails the first time.
func (r *room) Alarm(ctx context.Context, tries int) error {
	if tries == 0 {
		return errors.New("the first alarm fails on purpose")
	}
	return r.note(ctx, fmt.Sprintf("alarm after %d tries", tries))
}

func (r *room) note(ctx context.Context, text string) error {
	_, err := r.state.SQL(ctx, "INSERT INTO notes VALUES (?)", text)
	return err
}

func (r *room) notes(ctx context.Context, _ *http.Request) (any, error) {
	got, err := r.state.SQL(ctx, "SELECT note FROM notes ORDER BY rowid")
	if err != nil {
		return nil, err
	}
	all := []string{}
	for _, row := range got.Rows {
		text, _ := row[0].(string)
		all = append(all, text)
	}
	return all, nil
}

// join accepts a WebSocket and remembers its name with it.
func (r *room) join(w http.ResponseWriter, req *http.Request) {
	ctx := req.Context()
	if err := r.state.AutoResponse(ctx, "ping", "pong"); err != nil {
		answer(w, nil, err)
		return
	}
	s, err := r.state.Accept(w, req, "member", req.FormValue("as"))
	if err != nil {
		answer(w, nil, err)
		return
	}
	if err := s.Attach(ctx, []byte(req.FormValue("as"))); err != nil {
		panic(err) // answered already
	}
}

// Receive does what a message says.
func (r *room) Receive(ctx context.Context, s durable.Socket, m durable.Message) {
	who, err := s.Attached(ctx)
	if err != nil {
		panic(err)
	}
	var reply durable.Message
	switch text := string(m.Data); {
	case m.Binary:
		reply = durable.Message{Data: append(who, m.Data...), Binary: true}
	case text == "panic":
		panic("in Receive, on purpose")
	case text == "life":
		tags, err := s.Tags(ctx)
		if err != nil {
			panic(err)
		}
		reply.Data = fmt.Appendf(nil, "%d %s %v", r.life, who, tags)
	case text == "close":
		_ = s.Close(ctx, 4000, "as you wish")
		return
	default:
		reply.Data = fmt.Appendf(nil, "%s said %s", who, text)
	}
	if _, err := r.state.Send(ctx, reply, s); err != nil {
		panic(err)
	}
}

// Closed notes who left, and how.
func (r *room) Closed(ctx context.Context, s durable.Socket, code int, reason string) {
	who, err := s.Attached(ctx)
	if err != nil {
		panic(err)
	}
	if err := r.note(ctx, fmt.Sprintf("%s left with %d %s", who, code, reason)); err != nil {
		panic(err)
	}
}

// cast sends its body to all of a tag and returns how many those were.
func (r *room) cast(ctx context.Context, req *http.Request) (any, error) {
	text, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	to, err := r.state.Sockets(ctx, req.FormValue("tag"))
	if err != nil {
		return nil, err
	}
	closed, err := r.state.Send(ctx, durable.Message{Data: text}, to...)
	return len(to) - len(closed), err
}
