package servicebusdlq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/pkg/servicebusproducer"
)

// doubled is how many payments were booked more than once.
type doubled struct{ before, after int }

const (
	ahead     = 1000 // payments that are taken ahead: twice what a loop of the system as it was takes
	aheadMS   = 10   // each takes so long: the last of them are handled when their locks have run out
	aheadTime = 15 * time.Second
	slowOnes  = 50
	behind    = 300 // healthy payments among them
)

// stallTime is how long healthy payments may take behind poison.
func (d *Driver) stallTime() time.Duration {
	return min(10*time.Second, max(5*time.Second, d.setup.Duration/6))
}

// site is one of the two systems.
type site struct{ role, queue, table string }

// Compare implements [trial.Baseline]: what is taken ahead, and what stands behind
// poison, in the system as it was and as it is; and then what poison costs the latter.
func (d *Driver) Compare(ctx context.Context) ([]report.Contrast, error) {
	was, is := site{"before", "servicebusdlq-before", "before"}, site{"processor", "servicebusdlq-payments", "payments"}
	client, err := servicebusproducer.Open(d.setup.Env()["SERVICEBUS_CONNECTION_STRING"])
	if err != nil {
		return nil, err
	}
	defer client.Close(context.WithoutCancel(ctx))
	c := &comparison{d: d, client: client}
	if d.doubled.before, err = c.ahead(ctx, was); err != nil {
		return nil, fmt.Errorf("%s: %w", was.role, err)
	}
	if d.doubled.after, err = c.ahead(ctx, is); err != nil {
		return nil, fmt.Errorf("%s: %w", is.role, err)
	}
	clogged, err := c.behindPoison(ctx, was)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", was.role, err)
	}
	passed, err := c.behindPoison(ctx, is)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", is.role, err)
	}
	if err := c.buried(ctx); err != nil {
		return nil, err
	}
	if d.measured, err = c.throughput(ctx, is); err != nil {
		return nil, err
	}
	return []report.Contrast{
		{
			Name: "booked more than once", Before: fmt.Sprintf("%d of %d", d.doubled.before, ahead), After: fmt.Sprintf("%d of %d", d.doubled.after, ahead),
			Note: fmt.Sprintf("payments that take %d ms each, in %v", aheadMS, aheadTime),
		},
		{
			Name: "payments among slow poison", Before: fmt.Sprintf("%d of %d", clogged, behind), After: fmt.Sprintf("%d of %d", passed, behind),
			Note: fmt.Sprintf("booked %v after the poison", d.stallTime()),
		},
		{
			Name: "drained with 1 % poison", Before: "–", After: fmt.Sprintf("%.0f/s", mean(d.measured.poisoned)),
			Note: fmt.Sprintf("healthy payments, out of a backlog; without poison %.0f/s; the system as it was stands still", mean(d.measured.clean)),
		},
	}, nil
}

// comparison sends past the API: what is measured is the other end.
type comparison struct {
	d      *Driver
	client *azservicebus.Client
	n      int // payments so far
	poison int // of those, sent to the system as it is
}

// message returns the next payment.
func (c *comparison) message(part string, of kind, data string) *azservicebus.Message {
	c.n++
	if of != wholesome && !strings.HasSuffix(part, "before") {
		c.poison++
	}
	id := fmt.Sprintf("%s-compare-%s-%d", c.d.run, part, c.n)
	return &azservicebus.Message{
		MessageID: to.Ptr(id), Body: []byte(data),
		ApplicationProperties: map[string]any{
			"cloudEvents:id": id, "schema": fmt.Sprint(of.schema()), "account": fmt.Sprintf("r%s-c-%d", c.d.run, c.n%c.d.setup.Records),
		},
	}
}

// send puts messages into a queue, as many in one batch as it takes.
func (c *comparison) send(ctx context.Context, queue string, all []*azservicebus.Message) error {
	sender, err := c.client.NewSender(queue, nil)
	if err != nil {
		return err
	}
	defer sender.Close(context.WithoutCancel(ctx))
	for some := range slices.Chunk(all, 100) {
		batch, err := sender.NewMessageBatch(ctx, nil)
		if err != nil {
			return fmt.Errorf("send to %s: %w", queue, err)
		}
		for _, m := range some {
			if err := batch.AddMessage(m, nil); err != nil {
				return fmt.Errorf("send to %s: %w", queue, err)
			}
		}
		if err := sender.SendMessageBatch(ctx, batch, nil); err != nil {
			return fmt.Errorf("send to %s: %w", queue, err)
		}
	}
	return nil
}

// count returns how many payments of a part are booked, and how many of them more
// than once, and when the last one was.
func (c *comparison) count(ctx context.Context, s site, part string) (n, twice int, last time.Time, err error) {
	e, err := c.d.booked(ctx, s.table)
	if err != nil {
		return 0, 0, last, err
	}
	for id, rows := range e.charges {
		if !strings.HasPrefix(id, c.d.run+"-compare-"+part+"-") {
			continue
		}
		n++
		if len(rows) > 1 {
			twice++
		}
		for _, r := range rows {
			if r.at.After(last) {
				last = r.at
			}
		}
	}
	return n, twice, last, nil
}

// await counts until so many are booked or the time is over.
func (c *comparison) await(ctx context.Context, s site, part string, want int, patience time.Duration) (n int, err error) {
	for end := time.Now().Add(patience); ; {
		n, _, _, err = c.count(ctx, s, part)
		if err != nil || n >= want || time.Now().After(end) || !sleep(ctx, 200*time.Millisecond) {
			return n, errors.Join(err, ctx.Err())
		}
	}
}

// ahead sends payments that each take a while, waits for longer than their locks
// last, and returns how many were booked more than once.
func (c *comparison) ahead(ctx context.Context, s site) (twice int, err error) {
	part := "ahead-" + s.role
	var all []*azservicebus.Message
	for range ahead {
		all = append(all, c.message(part, wholesome, fmt.Sprintf(`{"amount":100,"partner_ms":%d}`, aheadMS)))
	}
	if err := c.send(ctx, s.queue, all); err != nil {
		return 0, err
	}
	if !sleep(ctx, aheadTime) {
		return 0, ctx.Err()
	}
	n, err := c.await(ctx, s, part, ahead, time.Minute)
	if err == nil && n < ahead {
		err = fmt.Errorf("%d of %d payments were booked in a minute", n, ahead)
	}
	if err != nil {
		return 0, err
	}
	_, twice, _, err = c.count(ctx, s, part)
	return twice, err
}

// behindPoison sends healthy payments, before each sixth one whose partner never
// answers, and returns how many of the healthy are booked after a while.
func (c *comparison) behindPoison(ctx context.Context, s site) (n int, err error) {
	part := "behind-" + s.role
	var all []*azservicebus.Message
	for i := range behind {
		if i%(behind/slowOnes) == 0 {
			all = append(all, c.message("poison-"+s.role, slow, c.d.data(slow, 100)))
		}
		all = append(all, c.message(part, wholesome, c.d.data(wholesome, 100)))
	}
	if err := c.send(ctx, s.queue, all); err != nil {
		return 0, err
	}
	return c.await(ctx, s, part, behind, c.d.stallTime())
}

// buried waits until all poison so far is in the quarantine.
func (c *comparison) buried(ctx context.Context) error {
	for end := time.Now().Add(2 * time.Minute); ; {
		all, err := c.d.letters(ctx)
		if err != nil {
			return err
		}
		n := 0
		for _, l := range all {
			if c.d.compared(l.Payment) {
				n++
			}
		}
		if n >= c.poison {
			return nil
		}
		if time.Now().After(end) || !sleep(ctx, 500*time.Millisecond) {
			return fmt.Errorf("%d of %d poisoned payments are in the quarantine after two minutes", n, c.poison)
		}
	}
}
