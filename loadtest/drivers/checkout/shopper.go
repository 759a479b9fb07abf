package checkout

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/provingground/provingground/loadtest/balancer"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
	"github.com/provingground/provingground/loadtest/ledger"
)

const (
	shopTimeout  = 5 * time.Second
	shopDeadline = 60 * time.Second // until then an unknown or refused checkout is repeated
	shopPause    = 250 * time.Millisecond
)

// shopper buys carts. It repeats what is not definite with the same key. Where the
// function has no environment (429) it does what the shop's page does: it sends the
// cart to be queued.
type shopper struct {
	d         *Driver
	role      string
	part      string // of the run
	book      *ledger.Ledger
	patience  ledger.Patience
	sell      *balancer.Clients
	queue     *balancer.Clients
	heardBack func(took, paying time.Duration)
}

func (d *Driver) newShopper(role, part string) *shopper {
	s := &shopper{
		d: d, role: role, part: part, book: &d.ledger, patience: ledger.Patience{Deadline: shopDeadline, Pause: shopPause},
		sell:  balancer.NewClients(d.setup.Front[role], d.hosts[role], shopTimeout),
		queue: balancer.NewClients(d.setup.Front["overflow"], d.hosts["overflow"], shopTimeout),
	}
	if part != load {
		// The comparison's shoppers give up, and what became of their carts is judged
		// without a ledger. Whoever was told that nothing was attempted asks again, within
		// the time that shoppers have; of everything else they think that it failed.
		s.book = &ledger.Ledger{}
		s.patience = ledger.Patience{Deadline: shopTimeout, Pause: shopPause, Enough: func(end ledger.End, _ bool) bool { return end != ledger.NotAttempted }}
	}
	return s
}

// Close implements engine.Sender.
func (s *shopper) Close() error { s.sell.Close(); return s.queue.Close() }

// cart is what somebody buys. Its customer is its identity: nobody buys twice.
type cart struct {
	key, customer string
	products      []string
	quantities    []int
	id            string // of its order
}

func (d *Driver) cart(part string, k int64) cart {
	n := int64(d.setup.Records)
	c := cart{key: fmt.Sprintf("%s-%s-%012d", d.run, part, k), customer: fmt.Sprintf("c%s-%s-%d", d.run, part, k)}
	first, second := k%n, (k*7+1)%n
	if d.hot.Load() {
		first, second = k%2, 1-k%2
	}
	c.products, c.quantities = []string{d.product(first)}, []int{1 + int(k%3)}
	if second != first {
		c.products, c.quantities = append(c.products, d.product(second)), append(c.quantities, 1)
	}
	return c
}

func (c cart) request(path, host string) ([]byte, error) {
	var items []map[string]any
	for i := range c.products {
		items = append(items, map[string]any{"product": c.products[i], "quantity": c.quantities[i]})
	}
	raw, err := json.Marshal(map[string]any{"customer": c.customer, "items": items})
	if err != nil {
		return nil, err
	}
	return http1.NewRequest("POST", path, host, raw,
		http1.Field{Name: "Content-Type", Value: "application/json"},
		http1.Field{Name: "Idempotency-Key", Value: c.key})
}

// Send implements engine.Sender.
func (s *shopper) Send(ctx context.Context, k int64) engine.Outcome {
	c := s.d.cart(s.part, k)
	began := time.Now()
	var asked *balancer.Clients
	var err error
	end := s.book.Ask(ctx, c.key, c.customer, s.patience, func(ctx context.Context, n int) (end ledger.End) {
		asked, err = s.ask(ctx, c, k+int64(n))
		end, c.id = readAnswer(asked, err)
		return end
	})
	switch end {
	case ledger.Acknowledged:
		s.acknowledged(c, &asked.Resp, time.Since(began))
		return engine.Outcome{Kind: engine.OK, Status: asked.Resp.Status}
	case ledger.Refused:
		return engine.Outcome{Kind: engine.Status, Status: asked.Resp.Status}
	}
	return asked.GaveUp(end, err)
}

// ask sends the cart to be sold, or to be queued where the function is busy. It
// returns who was asked last.
func (s *shopper) ask(ctx context.Context, c cart, k int64) (*balancer.Clients, error) {
	request, err := c.request("/api/checkouts", s.d.hosts[s.role][0])
	if err != nil {
		return s.sell, err
	}
	if _, err := s.sell.Do(ctx, k, request); err != nil || s.sell.Resp.Status != 429 || s.role != "checkout" {
		return s.sell, err
	}
	if request, err = c.request("/api/queued", s.d.hosts["overflow"][0]); err != nil {
		return s.queue, err
	}
	_, err = s.queue.Do(ctx, k, request)
	return s.queue, err
}

// readAnswer classifies an answer; an acknowledgement must be complete.
func readAnswer(c *balancer.Clients, err error) (end ledger.End, id string) {
	end = c.End(err)
	if end != ledger.Acknowledged {
		return end, ""
	}
	var made struct{ ID, State string }
	if err := json.Unmarshal(c.Resp.Body, &made); err != nil || made.ID == "" || made.State == "" {
		return ledger.Unknown, ""
	}
	return ledger.Acknowledged, made.ID
}

func (s *shopper) acknowledged(c cart, resp *http1.Response, took time.Duration) {
	paying := payingTime(string(resp.Header("Server-Timing")))
	if s.heardBack != nil {
		s.heardBack(took, paying)
	}
	d := s.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.part == load {
		d.without = append(d.without, took-paying)
	}
	if resp.Status == 202 && s.part == load {
		d.queued++
	}
	if s.role != "before" { // which keeps no order that was refused
		d.carts[c.customer] = c
	}
}

// payingTime reads how long the provider took.
func payingTime(timing string) time.Duration {
	_, value, _ := strings.Cut(timing, "payment;dur=")
	ms, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return 0
	}
	return time.Duration(ms * float64(time.Millisecond))
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
