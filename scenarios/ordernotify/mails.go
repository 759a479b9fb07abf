package ordernotify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// mails are the rows that say who may send which mail. All times in them are the
// database's.
type mails struct {
	db          *pgxpool.Pool
	sender      string // this process, for the rows
	lease, wait time.Duration
}

// claim is the right to send a mail until the lease ends. The store takes its
// result only while no later token was given out.
type claim struct {
	order, kind string
	token       int
	until       time.Time // by this process's monotonic clock, and not after the row's own end
	takeovers   int       // attempts at this mail with an unknown end
	address     string
	over        bool // it was sent or refused before: nothing is to be done
}

// claim returns errHeld while another attempt may still be under way or SES's event
// about it may still come, and ErrNotFound for an order that is not there.
func (m *mails) claim(ctx context.Context, order, kind string) (claim, error) {
	c, err := m.take(ctx, order, kind)
	if errors.Is(err, errHeld) {
		err = errors.Join(err, m.doubt(ctx, order, kind))
	}
	return c, err
}

func (m *mails) take(ctx context.Context, order, kind string) (claim, error) {
	c := claim{order: order, kind: kind, until: time.Now().Add(m.lease)}
	var token, takeovers *int
	var before *string
	err := m.db.QueryRow(ctx, `
WITH claimed AS (
	INSERT INTO mails AS m (order_id, kind, state, sender, lease_until)
		SELECT id, $2, 'sending', $3, now() + make_interval(secs => $4) FROM orders WHERE id = $1
	ON CONFLICT (order_id, kind) DO UPDATE
		SET token = m.token + 1, state = 'sending', sender = excluded.sender, claimed_at = now(), lease_until = excluded.lease_until,
			answer_lost = false, doubted_at = NULL, abandoned = CASE m.state WHEN 'sending'
				THEN m.abandoned || jsonb_build_object('sender', m.sender, 'claimed_at', m.claimed_at, 'answer_lost', m.answer_lost)
				ELSE m.abandoned END
		WHERE m.state = 'released' OR m.state = 'sending' AND m.doubted_at + make_interval(secs => $5) < now()
	RETURNING token, jsonb_array_length(abandoned) AS takeovers)
SELECT o.email, c.token, c.takeovers, (SELECT state FROM mails WHERE order_id = $1 AND kind = $2)
FROM orders o LEFT JOIN claimed c ON true WHERE o.id = $1`, order, kind, m.sender, m.lease.Seconds(), m.wait.Seconds()).
		Scan(&c.address, &token, &takeovers, &before)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return c, ErrNotFound
	case err != nil:
		return c, fmt.Errorf("claim mail %s of %s: %w", kind, order, err)
	case token != nil:
		c.token, c.takeovers = *token, *takeovers
		return c, nil
	case before == nil: // made by another attempt while this statement ran
		return c, errHeld
	}
	c.over = *before == "sent" || *before == "refused"
	if !c.over {
		return c, errHeld
	}
	return c, nil
}

// doubt begins the wait for SES's event about an attempt whose lease is over. It
// does not begin by itself: while the database was away neither the sender nor the
// event could say that the mail is out.
func (m *mails) doubt(ctx context.Context, order, kind string) error {
	_, err := m.db.Exec(ctx, `
UPDATE mails SET doubted_at = now()
WHERE order_id = $1 AND kind = $2 AND state = 'sending' AND doubted_at IS NULL AND lease_until < now()`, order, kind)
	return err
}

// unanswered records that SES's answer did not come, for whoever asks later why
// there are two mails.
func (m *mails) unanswered(ctx context.Context, c claim) error {
	_, err := m.db.Exec(ctx, `
UPDATE mails SET answer_lost = true WHERE order_id = $1 AND kind = $2 AND token = $3 AND state = 'sending'`, c.order, c.kind, c.token)
	return err
}

// sent records that SES accepted the mail. A claim that was taken over changes
// nothing: the later one answers for the row.
func (m *mails) sent(ctx context.Context, c claim, messageID string) error {
	_, err := m.db.Exec(ctx, `
UPDATE mails SET state = 'sent', message_id = $4, sent_at = now()
WHERE order_id = $1 AND kind = $2 AND token = $3 AND state = 'sending'`, c.order, c.kind, c.token, messageID)
	return err
}

// refused records that SES will never take the mail.
func (m *mails) refused(ctx context.Context, c claim, reason string) error {
	_, err := m.db.Exec(ctx, `
UPDATE mails SET state = 'refused', reason = left($4, 500)
WHERE order_id = $1 AND kind = $2 AND token = $3 AND state = 'sending'`, c.order, c.kind, c.token, reason)
	return err
}

// release gives the claim back: SES has not accepted the mail, so nobody need
// wait for its event.
func (m *mails) release(ctx context.Context, c claim) error {
	_, err := m.db.Exec(ctx, `
UPDATE mails SET state = 'released' WHERE order_id = $1 AND kind = $2 AND token = $3 AND state = 'sending'`, c.order, c.kind, c.token)
	return err
}

// accepted records what SES's own event says, whoever's attempt it was.
func (m *mails) accepted(ctx context.Context, order, kind, messageID string) error {
	_, err := m.db.Exec(ctx, `
UPDATE mails SET state = 'sent', message_id = $3, sent_at = now()
WHERE order_id = $1 AND kind = $2 AND state IN ('sending', 'released')`, order, kind, messageID)
	return err
}
