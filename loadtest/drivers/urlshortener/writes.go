package urlshortener

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
	"github.com/provingground/provingground/loadtest/ledger"
)

const (
	writeTimeout  = 5 * time.Second
	writeDeadline = 40 * time.Second // until then an unknown or refused write is repeated
	writePause    = 250 * time.Millisecond
	shortLife     = 4 * time.Second // of links that are made to expire
)

// writer creates links: plain ones, aliases that two requests claim, and links
// that expire soon. It repeats what is not definite with the same key.
type writer struct{ clients }

func (d *Driver) newWriter(int) *writer { return &writer{d.newClients(writeTimeout)} }

// creation is one request for a link. Its target is its identity: no other
// link leads there.
type creation struct {
	key     string
	target  string
	alias   string
	expires time.Time
}

type createBody struct {
	URL       string     `json:"url"`
	Alias     string     `json:"alias,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

type created struct {
	Code  string `json:"code"`
	URL   string `json:"url"`
	Token string `json:"management_token"`
}

func (d *Driver) creation(k int64) creation {
	c := creation{
		key:    d.run + "-create-" + strconv.FormatInt(k, 10),
		target: d.target("made", k),
	}
	switch k % 10 {
	case 0, 1: // both claim the same alias
		c.alias = fmt.Sprintf("a%s-%d", d.run, k/10)
	case 2:
		c.expires = time.Now().Add(shortLife).Truncate(time.Millisecond)
	}
	return c
}

func (d *Driver) target(kind string, k int64) string {
	return fmt.Sprintf("https://example.com/%s/%s/%d", d.run, kind, k)
}

func (c creation) request(host string) ([]byte, error) {
	body := createBody{URL: c.target, Alias: c.alias}
	if !c.expires.IsZero() {
		body.ExpiresAt = &c.expires
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return http1.NewRequest("POST", "/api/links", host, raw,
		http1.Field{Name: "Content-Type", Value: "application/json"},
		http1.Field{Name: "Idempotency-Key", Value: c.key})
}

// Send implements engine.Sender.
func (w *writer) Send(ctx context.Context, k int64) engine.Outcome {
	c := w.d.creation(k)
	request, err := c.request(w.d.host())
	if err != nil {
		return engine.Outcome{Kind: engine.Unknown}
	}
	var (
		made    created
		process int
	)
	end := w.d.ledger.Ask(ctx, c.key, c.target, ledger.Patience{Deadline: writeDeadline, Pause: writePause}, func(ctx context.Context, n int) (end ledger.End) {
		process, err = w.Do(ctx, k+int64(n), request)
		end, made = w.readAnswer(c, err)
		return end
	})
	switch end {
	case ledger.Acknowledged:
		w.d.acknowledged(c, made, process)
		return w.verify(ctx, c, made, process)
	case ledger.Refused:
		return refusedForGood(c, w.Resp.Status)
	}
	return w.GaveUp(end, err)
}

// refusedForGood tells the refusals that were to be expected: the other claim
// of the alias won, or the repetition came after the link's life.
func refusedForGood(c creation, status int) engine.Outcome {
	late := status == 400 && !c.expires.IsZero() && time.Now().After(c.expires)
	if late || (status == 409 && c.alias != "") {
		return engine.Outcome{Kind: engine.OK, Status: status}
	}
	return engine.Outcome{Kind: engine.Status, Status: status}
}

// readAnswer classifies an answer; an acknowledgement must be complete and ours.
func (w *writer) readAnswer(c creation, err error) (ledger.End, created) {
	end := w.End(err)
	if end != ledger.Acknowledged {
		return end, created{}
	}
	var made created
	if err := json.Unmarshal(w.Resp.Body, &made); err != nil || made.URL != c.target || made.Token == "" || (c.alias != "" && made.Code != c.alias) {
		return ledger.Unknown, created{}
	}
	return ledger.Acknowledged, made
}

// verify asks the process that acknowledged: it must know the link at once.
func (w *writer) verify(ctx context.Context, c creation, made created, process int) engine.Outcome {
	if err := w.Conns[process].Do(ctx, w.d.get("/"+made.Code), &w.Resp); err != nil {
		return engine.Outcome{Kind: engine.OK, Status: 201} // it died meanwhile: the follow-up asks the others
	}
	if w.Resp.Status != 302 || string(w.Resp.Header("Location")) != c.target {
		if !c.expires.IsZero() && time.Now().After(c.expires) || w.Resp.Status >= 500 {
			return engine.Outcome{Kind: engine.OK, Status: 201}
		}
		w.d.follow.violation("%s was acknowledged as /%s and does not resolve at once through the process that made it: %d", c.target, made.Code, w.Resp.Status)
		return engine.Outcome{Kind: engine.Body, Status: w.Resp.Status}
	}
	return engine.Outcome{Kind: engine.OK, Status: 201}
}

// acknowledged notes what is to be looked at later.
func (d *Driver) acknowledged(c creation, made created, process int) {
	if c.alias != "" {
		d.mu.Lock()
		d.aliases[c.alias]++
		d.mu.Unlock()
	}
	d.follow.add(promise{creation: c, made: made, at: time.Now(), process: process})
}
