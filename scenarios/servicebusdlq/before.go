package servicebusdlq

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"golang.org/x/sync/errgroup"

	"github.com/provingground/provingground/pkg/tablebatch"
)

// Before is the processor as the question found it. It takes many messages ahead and
// handles them one after the other, while their locks run out unseen; what comes
// again is charged again, for its effect asks nobody. What fails it gives back at
// once, and has it again at once.
type Before struct {
	Queue    string
	Prefetch int
	Loops    int // that take messages ahead, each for itself
}

// patient is how long it waits for the partner.
const patient = time.Minute

func (b Before) run(ctx context.Context, client *azservicebus.Client, l ledger, m *metrics, log *slog.Logger) error {
	loops, ctx := errgroup.WithContext(ctx)
	for range b.Loops {
		loops.Go(func() error { return b.loop(ctx, client, l, m, log) })
	}
	return loops.Wait()
}

func (b Before) loop(ctx context.Context, client *azservicebus.Client, l ledger, m *metrics, log *slog.Logger) error {
	r, err := client.NewReceiverForQueue(b.Queue, nil)
	if err != nil {
		return err
	}
	defer r.Close(context.WithoutCancel(ctx))
	for ctx.Err() == nil {
		got, err := r.ReceiveMessages(ctx, b.Prefetch, nil)
		if err != nil && ctx.Err() == nil {
			return err
		}
		for _, one := range got {
			b.one(ctx, r, one, l, m, log)
		}
	}
	return nil
}

func (b Before) one(ctx context.Context, r *azservicebus.Receiver, one *azservicebus.ReceivedMessage, l ledger, m *metrics, log *slog.Logger) {
	end, settle := "before-done", func() error { return r.CompleteMessage(ctx, one, nil) }
	if err := b.charge(ctx, one, l); err != nil {
		end, settle = "before-retried", func() error { return r.AbandonMessage(ctx, one, nil) }
	}
	if err := settle(); err != nil {
		end = "before-lost"
		log.Warn("settle", "id", one.MessageID, "error", err)
	}
	m.messages.WithLabelValues(end).Inc()
}

func (b Before) charge(ctx context.Context, one *azservicebus.ReceivedMessage, l ledger) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panicked: %v", p)
		}
	}()
	pay, bad := unwrap(one)
	if bad != nil {
		return bad.err
	}
	amount, err := l.price(ctx, pay, patient)
	if err != nil {
		return err
	}
	row, err := chargeRow(rowCharge+digest(pay.id)+"-"+rand.Text(), pay, amount)
	if err != nil {
		return err
	}
	_, err = tablebatch.Submit(ctx, l.table, []aztables.TransactionAction{row})
	return err
}
