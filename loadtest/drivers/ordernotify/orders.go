package ordernotify

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
	orderTimeout  = 5 * time.Second
	orderDeadline = 60 * time.Second // until then an unknown or refused order is repeated
	orderPause    = 250 * time.Millisecond
)

// writer places orders. It repeats what is not definite with the same key; a
// refusal is definite, unless an attempt before it was not.
type writer struct{ clients }

func (d *Driver) newWriter() *writer { return &writer{d.newClients(orderTimeout)} }

// order is one request. Its customer is its identity: nobody orders twice.
type order struct {
	key      string
	customer string
	product  string
	quantity int
}

func (d *Driver) order(k int64) order {
	return order{
		key:      fmt.Sprintf("%s-order-%d", d.run, k),
		customer: fmt.Sprintf("c%d@%s.example", k, d.run),
		product:  d.product(k),
		quantity: 1 + int(k%3),
	}
}

func (o order) request(host string) ([]byte, error) {
	raw, err := json.Marshal(map[string]any{"product": o.product, "quantity": o.quantity, "email": o.customer})
	if err != nil {
		return nil, err
	}
	return http1.NewRequest("POST", "/api/orders", host, raw,
		http1.Field{Name: "Content-Type", Value: "application/json"},
		http1.Field{Name: "Idempotency-Key", Value: o.key})
}

// Send implements engine.Sender.
func (w *writer) Send(ctx context.Context, k int64) engine.Outcome {
	o := w.d.order(k)
	request, err := o.request(w.d.hosts[0])
	if err != nil {
		return engine.Outcome{Kind: engine.Unknown}
	}
	var id string
	patience := ledger.Patience{
		Deadline: orderDeadline, Pause: orderPause,
		Enough: func(end ledger.End, unknown bool) bool { return err == nil && end == ledger.NotAttempted && !unknown },
	}
	end := w.d.ledger.Ask(ctx, o.key, o.customer, patience, func(ctx context.Context, n int) (end ledger.End) {
		_, err = w.Do(ctx, k+int64(n), request)
		end, id = w.readAnswer(o, err)
		return end
	})
	switch end {
	case ledger.Acknowledged:
		w.d.acknowledged(o, id, time.Now())
		return engine.Outcome{Kind: engine.OK, Status: w.Resp.Status}
	case ledger.Refused:
		return engine.Outcome{Kind: engine.Status, Status: w.Resp.Status}
	}
	return w.GaveUp(end, err)
}

// readAnswer classifies an answer; an acknowledgement must be complete and ours.
func (w *writer) readAnswer(o order, err error) (end ledger.End, id string) {
	end = w.End(err)
	if end != ledger.Acknowledged {
		return end, ""
	}
	var made struct {
		ID, Product string
		Quantity    int
	}
	if err := json.Unmarshal(w.Resp.Body, &made); err != nil || made.ID == "" || made.Product != o.product || made.Quantity != o.quantity {
		return ledger.Unknown, ""
	}
	return ledger.Acknowledged, made.ID
}

func (d *Driver) acknowledged(o order, id string, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.orders[o.customer] = &placed{id: id, product: o.product, quantity: o.quantity, at: at}
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
