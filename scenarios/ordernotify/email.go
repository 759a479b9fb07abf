package ordernotify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/provingground/provingground/pkg/sqsconsumer"
)

// sendTimeout bounds the call to SES. A lease is longer: see Mail.
const sendTimeout = 4 * time.Second

// errHeld says that another attempt holds the mail.
var errHeld = errors.New("another attempt at this mail holds its lease")

// email sends each mail of an order at least once. A second one goes out only if
// this process died, or SES's answer was lost, after SES had accepted the mail and
// before our row said so, and SES's own Send event did not say it in time either:
//
//	row "sending" with lease and token ─▶ SES ─▶ row "sent", if the token still holds
//	                                       └─ Send event ─▶ row "sent" (sesevents.go)
type email struct {
	mails   *mails
	ses     *mailer
	metrics *metrics
	log     *slog.Logger
}

// handle handles one message of the email's queue.
func (e *email) handle(ctx context.Context, m sqsconsumer.Message) error {
	ev, err := parse(m.Body, orderPlaced, orderConfirmed, orderOutOfStock)
	if err != nil {
		return sqsconsumer.Permanent(err)
	}
	claim, err := e.mails.claim(ctx, ev.Subject, kindOf(ev.Type))
	switch {
	case errors.Is(err, errHeld):
		return sqsconsumer.Later(time.Second, err)
	case errors.Is(err, ErrNotFound):
		return sqsconsumer.Permanent(fmt.Errorf("order %.100q: %w", ev.Subject, err))
	case away(err):
		return sqsconsumer.Unavailable(err)
	case err != nil:
		return err
	case claim.over:
		e.metrics.mails.WithLabelValues("repeated").Inc()
		return nil
	}
	if claim.takeovers > 0 {
		// The one case in which a customer may get a mail twice: it is counted and named.
		e.metrics.mails.WithLabelValues("taken_over").Inc()
		e.log.Warn("mail taken over after an attempt with an unknown end", "order", claim.order, "kind", claim.kind, "takeovers", claim.takeovers)
	}
	return e.send(ctx, claim, ev)
}

// send calls SES and records what it said.
func (e *email) send(ctx context.Context, c claim, ev event) error {
	id, err := e.ses.send(ctx, c, ev)
	switch {
	case err == nil:
		e.metrics.mails.WithLabelValues("sent").Inc()
		return e.record(ctx, c, id)
	case errors.Is(err, errRejected):
		e.metrics.mails.WithLabelValues("rejected").Inc()
		if err := e.mails.refused(ctx, c, err.Error()); err != nil {
			return storeError(err)
		}
		return sqsconsumer.Permanent(err)
	case errors.Is(err, errNotAccepted):
		e.metrics.mails.WithLabelValues("not_accepted").Inc()
		if errRelease := e.mails.release(ctx, c); errRelease != nil {
			return storeError(errRelease)
		}
		return sqsconsumer.Later(2*time.Second, err)
	}
	// Nobody knows whether SES has it. Whoever comes after the lease will see.
	e.metrics.mails.WithLabelValues("unknown").Inc()
	return sqsconsumer.Later(e.mails.lease+e.mails.wait, err)
}

// record enters that a mail went out, however long the database is away: the
// message stays ours meanwhile, and to give it back would send a second mail.
func (e *email) record(ctx context.Context, c claim, messageID string) error {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		err := e.enter(ctx, c, messageID)
		if !away(err) || ctx.Err() != nil {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

// enter tries once, also when the message is no longer ours: SES has the mail.
func (e *email) enter(ctx context.Context, c claim, messageID string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	return e.mails.sent(ctx, c, messageID)
}

func storeError(err error) error {
	if away(err) {
		return sqsconsumer.Unavailable(err)
	}
	return err
}

// kindOf returns the mail that an event asks for.
func kindOf(eventType string) string {
	switch eventType {
	case orderConfirmed:
		return "confirmed"
	case orderOutOfStock:
		return "out-of-stock"
	}
	return "received"
}
