package ordernotify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/provingground/provingground/pkg/sqsconsumer"
)

// sendTimeout bounds the call to SES, within the lease, and each statement after it.
const sendTimeout = 4 * time.Second

var (
	errHeld = errors.New("another attempt at this mail holds its lease")
	errLate = errors.New("the lease is over or the message is no longer ours: SES was not asked")
)

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
		return sqsconsumer.Later(e.mails.wait, err)
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

// send calls SES and records what it said. A sender that slept, or whose message
// was taken away, does not call; one that has begun to is not stopped: to wait for
// the answer costs less than not to know it.
func (e *email) send(ctx context.Context, c claim, ev event) error {
	if ctx.Err() != nil || !time.Now().Before(c.until) {
		return e.release(ctx, c, cmp.Or(ctx.Err(), sqsconsumer.Later(time.Second, errLate)))
	}
	calling, cancel := context.WithDeadline(context.WithoutCancel(ctx), earlier(c.until, time.Now().Add(sendTimeout)))
	defer cancel()
	id, err := e.ses.send(calling, c, ev)
	switch {
	case err == nil:
		e.metrics.mails.WithLabelValues("sent").Inc()
		return e.record(ctx, c, id)
	case errors.Is(err, errRejected):
		e.metrics.mails.WithLabelValues("rejected").Inc()
		if err := e.briefly(ctx, func(ctx context.Context) error { return e.mails.refused(ctx, c, err.Error()) }); err != nil {
			return storeError(err)
		}
		return sqsconsumer.Permanent(err)
	case errors.Is(err, errNotAccepted):
		e.metrics.mails.WithLabelValues("not_accepted").Inc()
		return e.release(ctx, c, sqsconsumer.Later(2*time.Second, err))
	}
	// Nobody knows whether SES has it. Whoever comes after the lease will see.
	e.metrics.mails.WithLabelValues("unknown").Inc()
	note := e.briefly(ctx, func(ctx context.Context) error { return e.mails.unanswered(ctx, c) })
	e.log.Warn("no answer from SES", "order", c.order, "kind", c.kind, "error", err, "noted", note == nil)
	return sqsconsumer.Later(e.mails.lease, err)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// release gives a claim back of which SES has nothing, and returns why.
func (e *email) release(ctx context.Context, c claim, why error) error {
	if err := e.briefly(ctx, func(ctx context.Context) error { return e.mails.release(ctx, c) }); err != nil {
		return storeError(err)
	}
	return why
}

// briefly calls do also when the message is no longer ours or the process stops:
// what SES said is true all the same.
func (e *email) briefly(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	return do(ctx)
}

// record enters that a mail went out, however long the database is away: the
// message stays ours meanwhile, and to give it back would send a second mail.
func (e *email) record(ctx context.Context, c claim, messageID string) error {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		err := e.briefly(ctx, func(ctx context.Context) error { return e.mails.sent(ctx, c, messageID) })
		if !away(err) || ctx.Err() != nil {
			return storeError(err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
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
