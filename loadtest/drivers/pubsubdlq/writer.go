package pubsubdlq

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
	"github.com/provingground/provingground/loadtest/ledger"
)

const (
	eventTimeout  = 5 * time.Second
	eventDeadline = 60 * time.Second // until then an event with an unknown end is repeated
	eventPause    = 250 * time.Millisecond
)

// writer sends events. It repeats what is not definite with the same key; a refusal
// is definite, unless an attempt before it was not.
type writer struct{ clients }

func (d *Driver) newWriter() *writer { return &writer{d.newClients(eventTimeout)} }

// event is one request. Its key is its identity.
type event struct {
	id      string
	kind    kind
	account string
	units   int64
}

func (d *Driver) event(k int64) event {
	of := d.kindOf(k)
	return event{id: fmt.Sprintf("%s-event-%d", d.run, k), kind: of, account: d.account(k, of), units: 1 + k%9}
}

func (e event) request(host string) ([]byte, error) {
	return http1.NewRequest("POST", "/api/usage", host, []byte(body(e.account, e.kind, e.units)),
		http1.Field{Name: "Content-Type", Value: "application/json"},
		http1.Field{Name: "Idempotency-Key", Value: e.id})
}

func (d *Driver) book(of kind) *ledger.Ledger {
	if of == wholesome {
		return &d.healthy
	}
	return &d.poison
}

// Send implements engine.Sender.
func (w *writer) Send(ctx context.Context, k int64) engine.Outcome {
	e := w.d.event(k)
	request, err := e.request(w.d.hosts[0])
	if err != nil {
		return engine.Outcome{Kind: engine.Unknown}
	}
	patience := ledger.Patience{
		Deadline: eventDeadline, Pause: eventPause,
		Enough: func(end ledger.End, unknown bool) bool { return err == nil && end == ledger.NotAttempted && !unknown },
	}
	end := w.d.book(e.kind).Ask(ctx, e.id, e.id, patience, func(ctx context.Context, n int) ledger.End {
		_, err = w.Do(ctx, k+int64(n), request)
		return w.readAnswer(e, err)
	})
	switch end {
	case ledger.Acknowledged:
		w.d.acknowledged(e, time.Now())
		return engine.Outcome{Kind: engine.OK, Status: w.Resp.Status}
	case ledger.Refused:
		return engine.Outcome{Kind: engine.Status, Status: w.Resp.Status}
	}
	return w.GaveUp(end, err)
}

// readAnswer classifies an answer; an acknowledgement must be complete and ours.
func (w *writer) readAnswer(e event, err error) ledger.End {
	end := w.End(err)
	if end != ledger.Acknowledged {
		return end
	}
	var made struct{ ID, Account string }
	if err := json.Unmarshal(w.Resp.Body, &made); err != nil || made.ID != e.id || made.Account != e.account {
		return ledger.Unknown
	}
	return ledger.Acknowledged
}

func (d *Driver) acknowledged(e event, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events[e.id] = &sent{kind: e.kind, at: at}
}

// sleep reports whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
