package orderprocessor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/provingground/provingground/pkg/servicebusconsumer"
	"github.com/provingground/provingground/pkg/tablebatch"
)

// processor handles the messages of one session after the other.
//
// What fails because storage is away is tried again in place, as long as it takes:
// no delivery is counted, and no later order of the customer passes. What can
// never work is dead-lettered with its reason, and the next order passes.
type processor struct {
	store   *store
	metrics *metrics
	log     *slog.Logger
}

// handle processes an order. See servicebusconsumer for what its errors mean.
func (p *processor) handle(ctx context.Context, m *servicebusconsumer.Message) error {
	o, bad := unwrap(m)
	if bad != nil {
		return servicebusconsumer.Permanent(bad.reason, bad.err)
	}
	sequence := int64(0)
	if m.SequenceNumber != nil {
		sequence = *m.SequenceNumber
	}
	fresh, err := p.store.apply(ctx, o, sequence)
	switch {
	case errors.Is(err, errReused):
		return servicebusconsumer.Permanent(reasonReused, err)
	case errors.Is(err, errContend):
		return err
	case tablebatch.Answered(err):
		return servicebusconsumer.Permanent(reasonStorage, fmt.Errorf("storage refuses the order: %w", err))
	case err != nil:
		return servicebusconsumer.Unavailable(err)
	}
	if fresh {
		p.metrics.orders.WithLabelValues("processed").Inc()
	} else {
		p.metrics.orders.WithLabelValues("repeated").Inc()
	}
	return nil
}

// observe counts how messages ended, and tells of those that somebody must see.
func (p *processor) observe(m *servicebusconsumer.Message, o servicebusconsumer.Outcome, err error) {
	p.metrics.messages.WithLabelValues(string(o)).Inc()
	id := ""
	if m != nil {
		id = m.MessageID
	}
	switch o {
	case servicebusconsumer.Done, servicebusconsumer.Released:
	case servicebusconsumer.Dead, servicebusconsumer.Failed, servicebusconsumer.Retried:
		p.log.Error("message", "outcome", o, "id", id, "error", err)
	default:
		p.log.Warn("message", "outcome", o, "id", id, "error", err)
	}
}
