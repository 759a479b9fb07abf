package servicebusdlq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"github.com/provingground/provingground/pkg/tablebatch"
)

// State is what became of a letter so far.
type State string

// The states. A letter that dies again is open again.
const (
	Open      State = "open"
	Sending   State = "sending" // decided, and not known to be in the queue
	Sent      State = "sent"    // in the queue, under a new MessageId
	Booked    State = "booked"  // its payment is in the ledger
	Discarded State = "discarded"
)

func (s State) settled() bool { return s == Booked || s == Discarded }

// A Letter is a dead letter that the quarantine keeps. Nothing but the quarantine's
// own decisions changes it: the same message delivered twice is one letter.
type Letter struct {
	ID          string    `json:"id"`
	Queue       string    `json:"queue"`
	Session     string    `json:"session,omitempty"`
	MessageID   string    `json:"message_id"`
	Payment     string    `json:"payment,omitempty"` // the id that its producer gave it
	Account     string    `json:"account,omitempty"`
	Reason      string    `json:"reason"`
	Description string    `json:"description"`
	Shape       string    `json:"shape"` // fields and types of the body, and no content
	State       State     `json:"state"`
	Deliveries  int64     `json:"deliveries"` // of the message that died last
	Deaths      int64     `json:"deaths"`
	Generation  int64     `json:"generation"`             // how often it was resubmitted
	Batch       string    `json:"resubmission,omitempty"` // the last
	Died        time.Time `json:"died"`
	Repaired    bool      `json:"repaired"`

	body       []byte
	repair     []byte            // what is sent instead of body
	properties map[string]string // of the message; those that are no text are not kept
	lines      int64             // of audit
	etag       azcore.ETag
}

// content is what a resubmission sends.
func (l *Letter) content() []byte {
	if l.Repaired {
		return l.repair
	}
	return l.body
}

// A Line is one entry of the audit trail.
type Line struct {
	Letter string    `json:"letter"`
	At     time.Time `json:"at"`
	Who    string    `json:"who"`
	Action string    `json:"action"`
	Detail string    `json:"detail,omitempty"`
}

// A letter is a partition: its row and those of its audit trail change in one
// transaction.
const (
	letterPartition = "letter-"
	rowLetter       = "letter"
	rowLine         = "line-"
)

var (
	errNoLetter = errors.New("no such letter")
	errStale    = errors.New("somebody else changed it meanwhile")
	errNotOpen  = errors.New("the letter is not open")
)

// vault keeps letters in Table storage.
type vault struct{ table *aztables.Client }

// add keeps a new letter, or returns errStale where there is one.
func (v vault) add(ctx context.Context, l *Letter, line Line) error {
	return v.write(ctx, aztables.TransactionTypeAdd, l, line)
}

// update changes a letter, or returns errStale.
func (v vault) update(ctx context.Context, l *Letter, line Line) error {
	return v.write(ctx, aztables.TransactionTypeUpdateReplace, l, line)
}

func (v vault) write(ctx context.Context, do aztables.TransactionType, l *Letter, line Line) error {
	l.lines++
	properties, err := l.row()
	if err != nil {
		return err
	}
	letter, err := tablebatch.Row(do, letterPartition+l.ID, rowLetter, l.etag, properties)
	if err != nil {
		return err
	}
	audit, err := tablebatch.Row(aztables.TransactionTypeAdd, letterPartition+l.ID, fmt.Sprintf("%s%06d", rowLine, l.lines), "", map[string]any{
		"At": aztables.EDMDateTime(time.Now()), "Who": line.Who, "Action": line.Action, "Detail": line.Detail,
	})
	if err != nil {
		return err
	}
	etags, err := tablebatch.Submit(ctx, v.table, []aztables.TransactionAction{letter, audit})
	switch {
	case tablebatch.Exists(err), tablebatch.Stale(err):
		return errStale
	case err != nil:
		return fmt.Errorf("letter %s: %w", l.ID, err)
	}
	l.etag = etags[0]
	return nil
}

// pieceSize is under what a binary property of a row holds, 64 KiB.
const pieceSize = 60 << 10

func (l *Letter) row() (map[string]any, error) {
	texts, err := json.Marshal(l.properties)
	if err != nil {
		return nil, fmt.Errorf("letter %s: %w", l.ID, err)
	}
	row := map[string]any{
		"Queue": l.Queue, "Session": l.Session, "MessageID": l.MessageID, "Payment": l.Payment, "Account": l.Account,
		"Reason": l.Reason, "Description": l.Description, "Shape": l.Shape, "State": string(l.State), "Batch": l.Batch,
		"Deliveries": aztables.EDMInt64(l.Deliveries), "Deaths": aztables.EDMInt64(l.Deaths), "Generation": aztables.EDMInt64(l.Generation),
		"Lines": aztables.EDMInt64(l.lines), "Died": aztables.EDMDateTime(l.Died), "Repaired": l.Repaired, "Repair": aztables.EDMBinary(l.repair),
		"Properties": aztables.EDMBinary(texts),
	}
	i := 0
	for piece := range slices.Chunk(l.body, pieceSize) {
		row[fmt.Sprint("Body", i)] = aztables.EDMBinary(piece)
		i++
	}
	return row, nil
}

func letterOf(row aztables.EDMEntity) (*Letter, error) {
	text := func(name string) string { return tablebatch.Text(row, name) }
	number := func(name string) int64 { return tablebatch.Number(row, name) }
	died, _ := row.Properties["Died"].(aztables.EDMDateTime)
	l := &Letter{
		ID: row.PartitionKey[len(letterPartition):], Queue: text("Queue"), Session: text("Session"), MessageID: text("MessageID"), Payment: text("Payment"),
		Account: text("Account"), Reason: text("Reason"), Description: text("Description"), Shape: text("Shape"), State: State(text("State")), Batch: text("Batch"),
		Deliveries: number("Deliveries"), Deaths: number("Deaths"), Generation: number("Generation"), lines: number("Lines"), Died: time.Time(died), etag: azcore.ETag(row.ETag),
	}
	l.Repaired, _ = row.Properties["Repaired"].(bool)
	repair, _ := row.Properties["Repair"].(aztables.EDMBinary)
	l.repair = repair
	for i := 0; ; i++ {
		piece, ok := row.Properties[fmt.Sprint("Body", i)].(aztables.EDMBinary)
		if !ok {
			break
		}
		l.body = append(l.body, piece...)
	}
	texts, _ := row.Properties["Properties"].(aztables.EDMBinary)
	if err := json.Unmarshal(texts, &l.properties); err != nil {
		return nil, fmt.Errorf("letter %s: %w", l.ID, err)
	}
	return l, nil
}

// find returns a letter, or errNoLetter.
func (v vault) find(ctx context.Context, id string) (*Letter, error) {
	if !hexadecimal(id) {
		return nil, errNoLetter
	}
	row, err := tablebatch.Get(ctx, v.table, letterPartition+id, rowLetter)
	if errors.Is(err, tablebatch.ErrNotThere) {
		return nil, errNoLetter
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnavailable, err) // a read has no outcome
	}
	return letterOf(row)
}

// each calls do with the letters in the order of their ids, from the one after an
// id, until it returns false.
func (v vault) each(ctx context.Context, after string, do func(*Letter) bool) (err error) {
	filter := fmt.Sprintf("PartitionKey gt '%s%s' and PartitionKey lt 'letter.' and RowKey eq '%s'", letterPartition, after, rowLetter)
	var bad error
	err = tablebatch.Each(ctx, v.table, filter, func(row aztables.EDMEntity) bool {
		var l *Letter
		if l, bad = letterOf(row); bad != nil {
			return false
		}
		return do(l)
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errUnavailable, err)
	}
	return nil
}

// audit returns the lines of a letter, or of all up to a limit.
func (v vault) audit(ctx context.Context, id string) (lines []Line, err error) {
	const limit = 1000
	filter := fmt.Sprintf("PartitionKey gt '%s' and PartitionKey lt 'letter.' and RowKey ge '%s'", letterPartition, rowLine)
	if id != "" {
		if !hexadecimal(id) {
			return nil, errNoLetter
		}
		filter = fmt.Sprintf("PartitionKey eq '%s%s' and RowKey ge '%s'", letterPartition, id, rowLine)
	}
	lines = []Line{}
	err = tablebatch.Each(ctx, v.table, filter, func(row aztables.EDMEntity) bool {
		at, _ := row.Properties["At"].(aztables.EDMDateTime)
		lines = append(lines, Line{
			Letter: row.PartitionKey[len(letterPartition):], At: time.Time(at),
			Who: tablebatch.Text(row, "Who"), Action: tablebatch.Text(row, "Action"), Detail: tablebatch.Text(row, "Detail"),
		})
		return len(lines) < limit
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	return lines, nil
}

// hexadecimal is what ids of letters are, and nothing that means more in a filter.
func hexadecimal(id string) bool {
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(id) == 32
}
