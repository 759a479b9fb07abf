package edgeroom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/provingground/provingground/pkg/edge/durable"
)

// Room is a chat room. Messages are in its database, in the sequence in which they
// were written; who is there is in memory, and with the sockets for when the room
// is made anew.
type Room struct {
	DB   Database
	Wire Wire
	Now  func() time.Time

	mu      sync.Mutex
	members map[durable.Socket]*member
	last    int64 // sequence of the newest message
	watched bool  // the alarm is set
}

// Wire is what the room needs of the platform besides its database.
type Wire interface {
	Accept(w http.ResponseWriter, r *http.Request, tags ...string) (durable.Socket, error)
	Sockets(ctx context.Context, tag string) ([]durable.Socket, error)
	Send(ctx context.Context, m durable.Message, to ...durable.Socket) (closed []durable.Socket, err error)
	SetAlarm(ctx context.Context, at time.Time) error
}

// member is a socket and what its client has got.
type member struct {
	Client string `json:"client"`
	Seen   int64  `json:"seen"` // the client said that it has all up to this one
	next   int64  // what it is sent next
	until  time.Time
}

// lease renews a member's presence.
func (m *member) lease(now time.Time) { m.until = now.Add(Lease) }

// What clients send.
type said struct {
	Type string `json:"type"` // say, seen or here
	ID   string `json:"id"`   // the client's own for a message, once
	Text string `json:"text"`
	Seq  int64  `json:"seq"` // with seen: all up to this one are there
}

// What the room sends.
type told struct {
	Type   string `json:"type"` // welcome, message, ack, here, gap or refused
	Seq    int64  `json:"seq,omitempty"`
	ID     string `json:"id,omitempty"`
	Client string `json:"client,omitempty"`
	Text   string `json:"text,omitempty"`
	At     int64  `json:"at,omitempty"` // the room's clock, milliseconds since 1970
	Why    string `json:"why,omitempty"`
}

// Close codes of the room.
const (
	tooSlow = 4008 // come back, and go on after the last message that you have
	expired = 4009 // no sign of life for a lease
)

// Open makes the tables and finds the members that the platform held meanwhile.
func (r *Room) Open(ctx context.Context) error {
	// The sequence has no holes: AUTOINCREMENT would leave one for each repeated
	// message. The newest message is never deleted, so no number comes again.
	err := create(ctx, r.DB,
		"CREATE TABLE IF NOT EXISTS messages (seq INTEGER PRIMARY KEY, client TEXT NOT NULL, id TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL, UNIQUE (client, id))")
	if err != nil {
		return err
	}
	newest, err := r.DB.SQL(ctx, "SELECT coalesce(max(seq), 0) FROM messages")
	if err != nil {
		return err
	}
	r.last, _ = number(newest)
	r.members = map[durable.Socket]*member{}
	sockets, err := r.Wire.Sockets(ctx, "")
	if err != nil {
		return err
	}
	for _, s := range sockets {
		if err := r.find(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// find makes a member of what is attached to its socket. What it was sent beyond
// what it has seen is not known, so it is sent again; a client drops what it has.
func (r *Room) find(ctx context.Context, s durable.Socket) error {
	raw, err := s.Attached(ctx)
	if err != nil {
		return err
	}
	m := &member{}
	if err := json.Unmarshal(raw, m); err != nil {
		return s.Close(ctx, tooSlow, "join again")
	}
	m.next = m.Seen + 1
	m.lease(r.Now())
	r.members[s] = m
	return nil
}

// Join makes a member of a request with ?client= and &after=, the sequence of the
// last message that it has.
func (r *Room) Join(w http.ResponseWriter, req *http.Request) {
	ctx := req.Context()
	client := req.FormValue("client")
	after, err := strconv.ParseInt(req.FormValue("after"), 10, 64)
	if err != nil || after < 0 {
		err = &Invalid{"after is the sequence of a message, or 0"}
	}
	if err := errors.Join(err, checkKey("client", client)); err != nil {
		reply(w, nil, err)
		return
	}
	if err := r.watch(ctx); err != nil {
		reply(w, nil, err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.members) >= MaxMembers {
		reply(w, nil, ErrFull)
		return
	}
	s, err := r.Wire.Accept(w, req)
	if err != nil {
		reply(w, nil, &Invalid{"this is for WebSockets: " + err.Error()})
		return
	}
	m := &member{Client: client, Seen: min(after, r.last)}
	m.next = m.Seen + 1
	m.lease(r.Now())
	r.members[s] = m
	if err := errors.Join(r.attach(ctx, s, m), r.tell(ctx, told{Type: "welcome", Seq: r.last}, s), r.pump(ctx, s, m)); err != nil {
		panic(err) // answered already
	}
}

// watch sets the alarm that looks after the leases, where there is none yet. That
// waits for the disk, so it is done for the first member alone.
func (r *Room) watch(ctx context.Context) error {
	r.mu.Lock()
	watched := r.watched
	r.watched = true
	r.mu.Unlock()
	if watched {
		return nil
	}
	err := r.Wire.SetAlarm(ctx, r.Now().Add(Lease))
	if err != nil {
		r.mu.Lock()
		r.watched = false
		r.mu.Unlock()
	}
	return err
}

func (r *Room) attach(ctx context.Context, s durable.Socket, m *member) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.Attach(ctx, raw)
}

func (r *Room) tell(ctx context.Context, t told, to ...durable.Socket) error {
	raw, err := json.Marshal(t)
	if err != nil {
		return err
	}
	closed, err := r.Wire.Send(ctx, durable.Message{Data: raw}, to...)
	for _, s := range closed {
		delete(r.members, s)
	}
	return err
}

// Receive does what a member says.
func (r *Room) Receive(ctx context.Context, s durable.Socket, m durable.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	who := r.members[s]
	if who == nil {
		return // closed meanwhile
	}
	who.lease(r.Now())
	var in said
	if err := json.Unmarshal(m.Data, &in); err != nil || m.Binary {
		in = said{Type: "unreadable"}
	}
	var err error
	switch in.Type {
	case "here":
		err = r.tell(ctx, told{Type: "here"}, s)
	case "seen":
		err = r.seen(ctx, s, who, in.Seq)
	case "say":
		err = r.say(ctx, s, who, in)
	default:
		err = r.tell(ctx, told{Type: "refused", ID: in.ID, Why: "want the type say, seen or here"}, s)
	}
	if err != nil {
		panic(fmt.Errorf("%s of a member: %w", in.Type, err))
	}
}

// say writes a message once, tells all, and then its author.
func (r *Room) say(ctx context.Context, s durable.Socket, who *member, in said) error {
	if err := errors.Join(checkKey("id", in.ID), checkText(in.Text)); err != nil {
		return r.tell(ctx, told{Type: "refused", ID: in.ID, Why: err.Error()}, s)
	}
	at := r.Now().UnixMilli()
	made, err := r.DB.SQL(ctx, "INSERT INTO messages (client, id, text, at) VALUES (?, ?, ?, ?) ON CONFLICT (client, id) DO NOTHING RETURNING seq", who.Client, in.ID, in.Text, at)
	if err != nil {
		return err
	}
	seq, fresh := number(made)
	if !fresh {
		found, err := r.DB.SQL(ctx, "SELECT seq FROM messages WHERE client = ? AND id = ?", who.Client, in.ID)
		if err != nil {
			return err
		}
		seq, _ = number(found)
		return r.tell(ctx, told{Type: "ack", ID: in.ID, Seq: seq}, s)
	}
	r.last = seq
	if err := r.spread(ctx, told{Type: "message", Seq: seq, ID: in.ID, Client: who.Client, Text: in.Text, At: at}); err != nil {
		return err
	}
	if seq%1000 == 0 {
		if _, err := r.DB.SQL(ctx, "DELETE FROM messages WHERE seq <= ?", seq-History); err != nil {
			return err
		}
	}
	return r.tell(ctx, told{Type: "ack", ID: in.ID, Seq: seq}, s)
}

// spread sends a new message to all that have the ones before it. Who has been sent
// too much that it has not seen is closed.
func (r *Room) spread(ctx context.Context, t told) error {
	var live []durable.Socket
	for s, m := range r.members {
		if m.next != t.Seq {
			continue // it is still on the history
		}
		if m.next-m.Seen > Window {
			if err := r.drop(ctx, s, tooSlow, "too slow: come back"); err != nil {
				return err
			}
			continue
		}
		m.next++
		live = append(live, s)
	}
	return r.tell(ctx, t, live...)
}

func (r *Room) drop(ctx context.Context, s durable.Socket, code int, why string) error {
	delete(r.members, s)
	return s.Close(ctx, code, why)
}

// seen notes what a member has, and sends it more of the history where it is behind.
func (r *Room) seen(ctx context.Context, s durable.Socket, m *member, seq int64) error {
	if seq <= m.Seen || seq >= m.next {
		return nil
	}
	m.Seen = seq
	if err := r.attach(ctx, s, m); err != nil {
		return err
	}
	return r.pump(ctx, s, m)
}

// pump sends the next page of the history to a member that is behind and has seen
// the page before.
func (r *Room) pump(ctx context.Context, s durable.Socket, m *member) error {
	if m.next > r.last || m.next-1-m.Seen > Page/2 {
		return nil
	}
	got, err := r.DB.SQL(ctx, "SELECT seq, client, id, text, at FROM messages WHERE seq >= ? ORDER BY seq LIMIT ?", m.next, Page)
	if err != nil {
		return err
	}
	for _, row := range got.Rows {
		t := message(row)
		if t.Seq != m.next { // what was before is forgotten
			if err := r.tell(ctx, told{Type: "gap", Seq: t.Seq}, s); err != nil {
				return err
			}
		}
		if err := r.tell(ctx, t, s); err != nil {
			return err
		}
		m.next = t.Seq + 1
	}
	return nil
}

func message(row []any) told {
	t := told{Type: "message"}
	t.Seq, _ = row[0].(int64)
	t.Client, _ = row[1].(string)
	t.ID, _ = row[2].(string)
	t.Text, _ = row[3].(string)
	t.At, _ = row[4].(int64)
	return t
}

// Closed forgets a member.
func (r *Room) Closed(_ context.Context, s durable.Socket, _ int, _ string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.members, s)
}

// Alarm closes members whose lease is over, and comes again while there are any.
func (r *Room) Alarm(ctx context.Context, _ int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	for s, m := range r.members {
		if m.until.After(now) {
			continue
		}
		if err := r.drop(ctx, s, expired, "no sign of life"); err != nil {
			return err
		}
	}
	if r.watched = len(r.members) > 0; !r.watched {
		return nil
	}
	return r.Wire.SetAlarm(ctx, now.Add(Lease))
}

// Handler answers what the Worker passes on.
func (r *Room) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/rooms/{name}", r.Join)
	mux.HandleFunc("GET /api/rooms/{name}/members", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, r.present(), nil)
	})
	mux.HandleFunc("GET /api/rooms/{name}/messages", func(w http.ResponseWriter, req *http.Request) {
		page, err := r.history(req.Context(), req.FormValue("after"))
		reply(w, page, err)
	})
	return mux
}

// present are the clients that are there, each once.
func (r *Room) present() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := []string{}
	for _, m := range r.members {
		if m.until.After(r.Now()) {
			all = append(all, m.Client)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// history is up to 1,000 messages after one.
func (r *Room) history(ctx context.Context, after string) ([]told, error) {
	seq, err := strconv.ParseInt(after, 10, 64)
	if err != nil {
		return nil, &Invalid{"after is the sequence of a message, or 0"}
	}
	got, err := r.DB.SQL(ctx, "SELECT seq, client, id, text, at FROM messages WHERE seq > ? ORDER BY seq LIMIT 1000", seq)
	page := []told{}
	for _, row := range got.Rows {
		page = append(page, message(row))
	}
	return page, err
}

func checkText(text string) error {
	if len(text) == 0 || len(text) > MaxText || !utf8.ValidString(text) {
		return &Invalid{fmt.Sprintf("text has %d bytes, want 1 to %d of UTF-8", len(text), MaxText)}
	}
	return nil
}
