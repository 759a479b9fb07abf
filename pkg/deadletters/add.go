package deadletters

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// An Added says what a delivered letter was.
type Added string

// What Add finds.
const (
	New      Added = "new"
	Again    Added = "again"    // it died again: a redrive sent it, and its consumer gave it up
	Repeated Added = "repeated" // known: the same death told twice, or of no interest any more
)

// Add enters a letter that the dead-letter topic delivered; acknowledge it after
// that. ID, Event, Key, Source, Reason, Error, Failures, Published, Body and
// Attributes are taken. Redrive is the name of the redrive that had sent the message
// that died, or empty.
func (t Table) Add(ctx context.Context, db DB, l Letter) (added Added, err error) {
	attributes, err := json.Marshal(clean(l.Attributes))
	if err != nil {
		return "", fmt.Errorf("deadletters: attributes of %s: %w", l.ID, err)
	}
	err = inTransaction(ctx, db, func(tx pgx.Tx) error {
		fresh, err := tx.Exec(ctx, t.sql(`
INSERT INTO @ (id, event, key, source, reason, error, shape, failures, published_at, body, attributes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING`),
			l.ID, text(l.Event), text(l.Key), text(l.Source), text(l.Reason), text(l.Error), Shape(l.Body), l.Failures, l.Published, l.Body, attributes)
		if err != nil {
			return err
		}
		if fresh.RowsAffected() == 1 {
			added = New
			return t.audit(ctx, tx, line{who: l.Source, action: "died", letter: l.ID, detail: text(l.Reason)})
		}
		added, err = t.again(ctx, tx, l)
		return err
	})
	return added, err
}

// again takes back a letter that the redrive it belongs to had sent.
func (t Table) again(ctx context.Context, tx pgx.Tx, l Letter) (Added, error) {
	if l.Redrive == "" {
		return Repeated, nil
	}
	back, err := tx.Exec(ctx, t.sql(`
UPDATE @ SET state = 'open', deaths = deaths + 1, died_last_at = now(), reason = $3, error = $4, failures = $5
WHERE id = $1 AND redrive = $2 AND state IN ('queued', 'sent')`), l.ID, l.Redrive, text(l.Reason), text(l.Error), l.Failures)
	if err != nil || back.RowsAffected() == 0 {
		return Repeated, err
	}
	if _, err := tx.Exec(ctx, t.sql("UPDATE @_redrives SET died = died + 1 WHERE name = $1"), l.Redrive); err != nil {
		return "", err
	}
	return Again, t.audit(ctx, tx, line{who: l.Source, action: "died again", letter: l.ID, redrive: l.Redrive, detail: text(l.Reason)})
}

// text makes a string what PostgreSQL's text can hold.
func text(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "") }

func clean(attributes map[string]string) map[string]string {
	all := make(map[string]string, len(attributes))
	for name, value := range attributes {
		all[text(name)] = text(value)
	}
	return all
}

// line is one of the audit.
type line struct{ who, action, letter, redrive, detail string }

func (t Table) audit(ctx context.Context, tx pgx.Tx, l line) error {
	_, err := tx.Exec(ctx, t.sql("INSERT INTO @_audit (who, action, letter, redrive, detail) VALUES ($1, $2, $3, $4, $5)"), l.who, l.action, l.letter, l.redrive, l.detail)
	return err
}
