// Package admin is the administration API of Service Bus: Atom entries over
// HTTP, as azservicebus/admin and its relatives in other languages speak it, and
// the /health of Microsoft's emulator.
//
// Paths: /queue, /topic, /topic/Subscriptions/name, …/Rules/name, the lists
// /$Resources/Queues, /$Resources/Topics, /topic/Subscriptions,
// …/Subscriptions/name/Rules, and /$namespaceinfo. PUT makes or, with If-Match,
// changes; GET and DELETE do what they say.
package admin

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/access"
	"github.com/provingground/provingground/pkg/servicebustest/broker"
)

// maxBody bounds a request, in bytes.
const maxBody = 256 << 10

// Options of a Handler.
type Options struct {
	// Do calls a function with the broker, one at a time.
	Do func(func(*broker.Broker))
	// Sync returns when what happened is on disk.
	Sync func() error
	// Keys verify the tokens of requests; without any, everybody may do
	// everything.
	Keys access.Keys
	// Now is the time by which tokens expire.
	Now func() time.Time
}

// Handler serves the API.
type Handler struct {
	options Options
	created time.Time // of the namespace
}

// New returns a handler.
func New(o Options) *Handler { return &Handler{o, o.Now()} }

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/health" {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"healthy","message":"Service is healthy."}`)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/$servicebus/websocket") {
		http.Error(w, "AMQP over WebSocket is not supported here: use AMQP over TCP.", http.StatusNotImplemented)
		return
	}
	t := newTarget(r.URL.Path)
	if err := h.authorize(r, t); err != nil {
		writeError(w, err)
		return
	}
	reply, err := h.serve(r, t)
	if err == nil && r.Method != http.MethodGet {
		err = h.options.Sync() // nothing is confirmed that a crash could undo
	}
	if err != nil {
		writeError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/atom+xml;type="+reply.kind+";charset=utf-8")
	w.WriteHeader(reply.status)
	_, _ = io.WriteString(w, reply.body)
}

// reply is an answer that went well.
type reply struct {
	status     int
	kind, body string
}

func (h *Handler) serve(r *http.Request, t target) (reply, error) {
	switch r.Method {
	case http.MethodGet:
		return h.get(r, t)
	case http.MethodPut:
		return h.put(r, t)
	case http.MethodDelete:
		return h.remove(t)
	}
	return reply{}, &failure{http.StatusMethodNotAllowed, "The method " + r.Method + " is not supported."}
}

// failure is an answer that did not go well.
type failure struct {
	status int
	detail string
}

func (f *failure) Error() string { return f.detail }

func badRequest(format string, args ...any) error {
	return &failure{http.StatusBadRequest, "SubCode=40000. " + fmt.Sprintf(format, args...)}
}

func writeError(w http.ResponseWriter, err error) {
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{status(err), err.Error()}
	}
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.WriteHeader(f.status)
	fmt.Fprintf(w, "<Error><Code>%d</Code><Detail>%s</Detail></Error>", f.status, escape(f.detail))
}

func status(err error) int {
	var e *broker.Error
	if !errors.As(err, &e) {
		return http.StatusInternalServerError
	}
	switch e.Condition {
	case broker.NotFound:
		return http.StatusNotFound
	case broker.EntityAlreadyExists:
		return http.StatusConflict
	case broker.ResourceLimit:
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// escape leaves apostrophes alone: clients compare sentences that have some.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(strings.Map(legal, s))
}

// legal drops characters that XML cannot have.
func legal(r rune) rune {
	if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
		return -1
	}
	return r
}

// authorize wants a token with the right Manage, and says what it misses in the
// words that clients and their tests know.
func (h *Handler) authorize(r *http.Request, t target) error {
	if len(h.options.Keys) == 0 {
		return nil
	}
	g, err := h.options.Keys.Verify(r.Header.Get("Authorization"), h.options.Now())
	if err != nil {
		return &failure{http.StatusUnauthorized, err.Error()}
	}
	if g.Rights.Has(access.Manage) && g.Covers(strings.Trim(r.URL.Path, "/")) {
		return nil
	}
	if t.subscription == "" && t.list == "" && r.Method == http.MethodGet && !h.exists(t) {
		return nil // the service says first that there is nothing
	}
	return &failure{http.StatusUnauthorized, t.denied(r.Method)}
}

func (h *Handler) exists(t target) bool {
	ok := false
	h.options.Do(func(b *broker.Broker) { ok = b.Has(t.entity()) })
	return ok
}
