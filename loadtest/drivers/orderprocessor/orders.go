package orderprocessor

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
	orderTimeout  = 5 * time.Second  // above the service's own
	orderDeadline = 60 * time.Second // until then an unknown or refused order is repeated
	orderPause    = 250 * time.Millisecond
)

// writer places orders. It repeats what is not definite with the same key; a
// refusal is definite, unless an attempt before it was not.
type writer struct {
	d *Driver
	*balancer.Clients
}

func (d *Driver) newWriter() *writer {
	return &writer{d, balancer.NewClients(d.balancer, d.hosts, orderTimeout)}
}

// order is one request. Its key stands in the order, too, and is looked for there.
type order struct {
	key      string
	customer string
	quantity int
	price    int64
}

func (d *Driver) order(k int64) order {
	return order{
		key: fmt.Sprintf("%s-order-%d", d.run, k), customer: d.customer(k % int64(d.setup.Records)),
		quantity: 1 + int(k%5), price: 100 + k%900,
	}
}

func (d *Driver) customer(i int64) string { return fmt.Sprintf("r%s-c%d", d.run, i) }

func (o order) total() int64 { return int64(o.quantity) * o.price }

func (o order) request(host string) ([]byte, error) {
	raw, err := json.Marshal(map[string]any{
		"customer": o.customer, "note": o.key,
		"items": []any{map[string]any{"sku": "cup", "quantity": o.quantity, "price": o.price}},
	})
	if err != nil {
		return nil, err
	}
	return http1.NewRequest("POST", "/api/orders", host, raw,
		http1.Field{Name: "Content-Type", Value: "application/json"}, http1.Field{Name: "Idempotency-Key", Value: o.key})
}

// Send implements engine.Sender.
func (w *writer) Send(ctx context.Context, k int64) engine.Outcome {
	return w.place(ctx, k, w.d.order(k))
}

func (w *writer) place(ctx context.Context, k int64, o order) engine.Outcome {
	request, err := o.request(w.d.hosts[0])
	if err != nil {
		return engine.Outcome{Kind: engine.Unknown}
	}
	deadline := time.Now().Add(orderDeadline)
	unknown := false
	for attempt := int64(0); ; attempt++ {
		w.d.entered(o, time.Now())
		_, err := w.Do(ctx, k+attempt, request)
		end := w.readAnswer(o, err)
		now := time.Now()
		w.d.answered(o, end, now)
		switch {
		case end == ledger.Acknowledged:
			return engine.Outcome{Kind: engine.OK, Status: w.Resp.Status}
		case end == ledger.Refused:
			return engine.Outcome{Kind: engine.Status, Status: w.Resp.Status}
		}
		unknown = unknown || end == ledger.Unknown
		if err == nil && end == ledger.NotAttempted && !unknown {
			return engine.Outcome{Kind: engine.Refused, Status: w.Resp.Status}
		}
		if now.After(deadline) || !sleep(ctx, orderPause) {
			return w.GaveUp(end, err)
		}
	}
}

// readAnswer classifies an answer; an acknowledgement must be complete and ours.
func (w *writer) readAnswer(o order, err error) ledger.End {
	end := w.End(err)
	if end != ledger.Acknowledged {
		return end
	}
	var accepted struct{ ID, Customer string }
	if err := json.Unmarshal(w.Resp.Body, &accepted); err != nil || accepted.ID == "" || accepted.Customer != o.customer {
		return ledger.Unknown
	}
	return ledger.Acknowledged
}

func (d *Driver) entered(o order, at time.Time) {
	d.ledger.Sent(o.key, o.key, at)
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sent[o.key]
	if s == nil {
		s = &sent{order: o, first: at}
		d.sent[o.key] = s
	}
	s.attempts++
}

func (d *Driver) answered(o order, end ledger.End, at time.Time) {
	d.ledger.Answered(o.key, end, at)
	if end != ledger.Acknowledged {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.sent[o.key]; s.acked.IsZero() {
		s.acked = at
	}
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
