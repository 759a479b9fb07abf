package servicebusdlq

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/provingground/provingground/loadtest/balancer"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
	"github.com/provingground/provingground/loadtest/ledger"
)

const (
	paymentTimeout  = 5 * time.Second  // above the service's own
	paymentDeadline = 60 * time.Second // until then a payment with an unknown end is repeated
	paymentPause    = 250 * time.Millisecond
)

// writer sends payments. It repeats what is not definite with the same key; a refusal
// is definite, unless an attempt before it was not.
type writer struct {
	d *Driver
	*balancer.Clients
}

func (d *Driver) newWriter() *writer {
	return &writer{d, balancer.NewClients(d.balancer, d.hosts, paymentTimeout)}
}

func (d *Driver) request(p payment) ([]byte, error) {
	body := fmt.Sprintf(`{"account":%q,"ordered":%t,"version":%d,"data":%s}`, p.account, p.ordered, p.kind.schema(), d.data(p.kind, p.amount))
	return http1.NewRequest("POST", "/api/payments", d.hosts[0], []byte(body),
		http1.Field{Name: "Content-Type", Value: "application/json"}, http1.Field{Name: "Idempotency-Key", Value: p.id})
}

func (d *Driver) book(of kind) *ledger.Ledger {
	if of == wholesome {
		return &d.healthy
	}
	return &d.poison
}

// Send implements engine.Sender.
func (w *writer) Send(ctx context.Context, k int64) engine.Outcome {
	p := w.d.payment(k)
	request, err := w.d.request(p)
	if err != nil {
		return engine.Outcome{Kind: engine.Unknown}
	}
	w.d.entered(p, time.Now())
	patience := ledger.Patience{
		Deadline: paymentDeadline, Pause: paymentPause,
		Enough: func(end ledger.End, unknown bool) bool { return err == nil && end == ledger.NotAttempted && !unknown },
	}
	end := w.d.book(p.kind).Ask(ctx, p.id, p.id, patience, func(ctx context.Context, n int) ledger.End {
		_, err = w.Do(ctx, k+int64(n), request)
		return w.readAnswer(p, err)
	})
	switch end {
	case ledger.Acknowledged:
		w.d.acknowledged(p, time.Now())
		return engine.Outcome{Kind: engine.OK, Status: w.Resp.Status}
	case ledger.Refused:
		return engine.Outcome{Kind: engine.Status, Status: w.Resp.Status}
	}
	return w.GaveUp(end, err)
}

// readAnswer classifies an answer; an acknowledgement must be complete and ours.
func (w *writer) readAnswer(p payment, err error) ledger.End {
	end := w.End(err)
	if end != ledger.Acknowledged {
		return end
	}
	var made struct{ ID, Account string }
	if err := json.Unmarshal(w.Resp.Body, &made); err != nil || made.ID != p.id || made.Account != p.account {
		return ledger.Unknown
	}
	return ledger.Acknowledged
}

func (d *Driver) entered(p payment, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.payments[p.id] == nil {
		d.payments[p.id] = &sent{payment: p, first: at}
	}
}

func (d *Driver) acknowledged(p payment, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.payments[p.id]; s.acked.IsZero() {
		s.acked = at
	}
}

// acked returns what was acknowledged, by id.
func (d *Driver) acked() map[string]sent {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[string]sent{}
	for id, s := range d.payments {
		if !s.acked.IsZero() {
			all[id] = *s
		}
	}
	return all
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
