package orderprocessor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/provingground/provingground/pkg/sessionqueue"
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

// handle processes an order. See sessionqueue for what its errors mean.
func (p *processor) handle(ctx context.Context, m *sessionqueue.Message) error {
	o, bad := unwrap(m)
	if bad != nil {
		return sessionqueue.Permanent(bad.reason, bad.err)
	}
	sequence := int64(0)
	if m.SequenceNumber != nil {
		sequence = *m.SequenceNumber
	}
	fresh, err := p.store.apply(ctx, o, sequence)
	switch {
	case errors.Is(err, errReused):
		return sessionqueue.Permanent(reasonReused, err)
	case errors.Is(err, errContend):
		return err
	case err != nil && away(err):
		return sessionqueue.Unavailable(err)
	case err != nil:
		return sessionqueue.Permanent(reasonStorage, fmt.Errorf("storage refuses the order: %w", err))
	}
	if fresh {
		p.metrics.orders.WithLabelValues("processed").Inc()
	} else {
		p.metrics.orders.WithLabelValues("repeated").Inc()
	}
	return nil
}

// observe counts how messages ended, and tells of those that somebody must see.
func (p *processor) observe(m *sessionqueue.Message, o sessionqueue.Outcome, err error) {
	p.metrics.messages.WithLabelValues(string(o)).Inc()
	id := ""
	if m != nil {
		id = m.MessageID
	}
	switch o {
	case sessionqueue.Done, sessionqueue.Released:
	case sessionqueue.Dead, sessionqueue.Failed, sessionqueue.Retried:
		p.log.Error("message", "outcome", o, "id", id, "error", err)
	default:
		p.log.Warn("message", "outcome", o, "id", id, "error", err)
	}
}
