package servicebusdlq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/provingground/provingground/pkg/servicebusconsumer"
	"github.com/provingground/provingground/pkg/tablebatch"
)

const (
	maxFailures    = 5 // of a message, before it is given up
	partnerTimeout = 500 * time.Millisecond
)

// processor books payments.
//
// What fails because storage is away is tried again in place, as long as it takes,
// and no failure is counted: an outage is no poison. What can never work is
// dead-lettered at once with its reason, anything else after five failures.
type processor struct {
	ledger  ledger
	metrics *metrics
	log     *slog.Logger
}

// handle handles one message. See servicebusconsumer for what its errors mean.
func (p *processor) handle(ctx context.Context, m *servicebusconsumer.Message) error {
	pay, bad := unwrap(m)
	if bad != nil {
		return servicebusconsumer.Permanent(bad.reason, bad.err)
	}
	amount, err := p.ledger.price(ctx, pay, partnerTimeout)
	if err != nil {
		return err
	}
	fresh, err := p.ledger.apply(ctx, pay, amount)
	switch {
	case errors.Is(err, errReused):
		return servicebusconsumer.Permanent(reasonReused, err)
	case tablebatch.Answered(err):
		return servicebusconsumer.Permanent(reasonStorage, err)
	case err != nil:
		return servicebusconsumer.Unavailable(err)
	}
	if fresh {
		p.metrics.payments.WithLabelValues("booked").Inc()
	} else {
		p.metrics.payments.WithLabelValues("repeated").Inc()
	}
	return nil
}

// price is what a payment comes to, in cents.
func (l ledger) price(ctx context.Context, p payment, patience time.Duration) (int64, error) {
	rate, err := l.rate(ctx, p.currency)
	switch {
	case errors.Is(err, errNoRate):
		return 0, err
	case err != nil:
		return 0, servicebusconsumer.Unavailable(err)
	}
	if err := askPartner(ctx, time.Duration(p.partnerMS)*time.Millisecond, patience); err != nil {
		return 0, err
	}
	// That there are no parts is a mistake that nobody thought of when this was written.
	return p.amount / p.parts * rate / 100, nil
}

// askPartner stands in for a call to somebody else's service, which takes so long.
func askPartner(ctx context.Context, takes, patience time.Duration) error {
	if takes == 0 {
		return nil
	}
	t := time.NewTimer(min(takes, patience))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("the partner has not answered: %w", ctx.Err())
	case <-t.C:
	}
	if takes > patience {
		return fmt.Errorf("the partner has not answered in %v", patience)
	}
	return nil
}

// observe counts how messages ended, and tells of those that somebody must see.
func (p *processor) observe(m *servicebusconsumer.Message, o servicebusconsumer.Outcome, err error) {
	p.metrics.observe(p.log, m, o, err)
}
