package servicebusdlq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/pkg/servicebusproducer"
	"github.com/provingground/provingground/pkg/tablebatch"
)

// A Resubmission sends letters back to their queue: one first, the canary, and the
// others when it is booked. Where the canary dies it stops.
type Resubmission struct {
	Name    string `json:"name"`
	State   string `json:"state"` // running, done or stopped
	By      string `json:"by"`
	Letters int    `json:"letters"`
	Sent    int    `json:"sent"`    // and not known to have ended
	Booked  int    `json:"booked"`  // their payments are in the ledger
	Died    int    `json:"died"`    // again
	Skipped int    `json:"skipped"` // settled otherwise, or on their way with another one

	ids       []string
	selection string // as it was asked for
	etag      azcore.ETag
}

// The states of a resubmission.
const (
	running = "running"
	done    = "done"
	stopped = "stopped"
)

// maxBatch is how many letters a resubmission has at most: their ids fit into a
// property of a row, of 32 Ki characters.
const maxBatch = 500

const (
	batchPartition = "batch-"
	rowBatch       = "batch"
)

var errNameReused = errors.New("the name was used for another resubmission")

// begin decides on a resubmission, once: asked for again under the same name it is
// the same, whatever letters there are by then.
func (v vault) begin(ctx context.Context, r Resubmission) (Resubmission, error) {
	ids, err := json.Marshal(r.ids)
	if err != nil {
		return r, err
	}
	row, err := tablebatch.Row(aztables.TransactionTypeAdd, batchPartition+r.Name, rowBatch, "", map[string]any{
		"State": running, "By": r.By, "Selection": r.selection, "Letters": string(ids),
	})
	if err != nil {
		return r, err
	}
	_, err = tablebatch.Submit(ctx, v.table, []aztables.TransactionAction{row})
	if err != nil && !tablebatch.Exists(err) {
		return r, err
	}
	known, err := v.resubmission(ctx, r.Name)
	if err == nil && known.selection != r.selection {
		err = errNameReused
	}
	return known, err
}

// resubmission returns one without its counts, or errNoLetter.
func (v vault) resubmission(ctx context.Context, name string) (r Resubmission, err error) {
	row, err := tablebatch.Get(ctx, v.table, batchPartition+name, rowBatch)
	switch {
	case errors.Is(err, tablebatch.ErrNotThere):
		return r, errNoLetter
	case err != nil:
		return r, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	return resubmissionOf(row)
}

func resubmissionOf(row aztables.EDMEntity) (r Resubmission, err error) {
	text := func(name string) string { return tablebatch.Text(row, name) }
	r = Resubmission{Name: row.PartitionKey[len(batchPartition):], State: text("State"), By: text("By"), selection: text("Selection"), etag: azcore.ETag(row.ETag)}
	if err := json.Unmarshal([]byte(text("Letters")), &r.ids); err != nil {
		return r, fmt.Errorf("resubmission %s: %w", r.Name, err)
	}
	r.Letters = len(r.ids)
	return r, nil
}

// end closes a resubmission. Another process may have done so.
func (v vault) end(ctx context.Context, r Resubmission, state string) error {
	ids, err := json.Marshal(r.ids)
	if err != nil {
		return err
	}
	row, err := tablebatch.Row(aztables.TransactionTypeUpdateReplace, batchPartition+r.Name, rowBatch, r.etag, map[string]any{
		"State": state, "By": r.By, "Selection": r.selection, "Letters": string(ids),
	})
	if err != nil {
		return err
	}
	_, err = tablebatch.Submit(ctx, v.table, []aztables.TransactionAction{row})
	if tablebatch.Stale(err) {
		return nil
	}
	return err
}

// running returns the resubmissions that have not ended.
func (v vault) running(ctx context.Context) (all []Resubmission, err error) {
	var bad error
	filter := fmt.Sprintf("PartitionKey gt '%s' and PartitionKey lt 'batch.' and State eq '%s'", batchPartition, running)
	err = tablebatch.Each(ctx, v.table, filter, func(row aztables.EDMEntity) bool {
		var r Resubmission
		if r, bad = resubmissionOf(row); bad == nil {
			all = append(all, r)
		}
		return bad == nil
	})
	return all, errors.Join(err, bad)
}

// sender sends letters back. Several may work at once, and each may end anywhere:
// what is decided stands in the vault, and sending it again is the same MessageId.
type sender struct {
	vault  vault
	ledger ledger
	queues map[string]*servicebusproducer.Queue // by name
	begun  chan struct{}                        // one was decided on here
	log    *slog.Logger
}

const (
	stepEvery   = 250 * time.Millisecond // while a resubmission runs
	lookEvery   = 2 * time.Second        // for those that another process began, or left
	stepTimeout = time.Minute
)

// run goes on with what was decided until ctx ends.
func (s *sender) run(ctx context.Context) {
	for ctx.Err() == nil {
		wait := lookEvery
		n, err := s.step(ctx)
		if n > 0 {
			wait = stepEvery
		}
		if err != nil && ctx.Err() == nil {
			s.log.Warn("resubmit", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-s.begun:
		case <-time.After(wait):
		}
	}
}

// step takes each resubmission as far as it goes now, and returns how many there are.
func (s *sender) step(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	all, err := s.vault.running(ctx)
	if err != nil {
		return 0, err
	}
	for _, r := range all {
		if err := s.advance(ctx, r); err != nil {
			return len(all), fmt.Errorf("resubmission %s: %w", r.Name, err)
		}
	}
	return len(all), nil
}

// advance sends the canary, or the others once it is booked.
func (s *sender) advance(ctx context.Context, r Resubmission) error {
	for _, id := range r.ids {
		end, err := s.send(ctx, r, id)
		if err != nil {
			return err
		}
		r.count(end)
		if r.Booked == 0 && r.Died > 0 {
			return s.vault.end(ctx, r, stopped)
		}
		if r.Booked == 0 && r.Sent > 0 {
			return nil // the canary is on its way
		}
	}
	if r.Sent > 0 {
		return nil
	}
	return s.vault.end(ctx, r, done)
}

// An ending is what became of a letter in a resubmission.
type ending int

const (
	skipped ending = iota
	waiting
	booked
	died
)

func (r *Resubmission) count(e ending) {
	switch e {
	case skipped:
		r.Skipped++
	case waiting:
		r.Sent++
	case booked:
		r.Booked++
	case died:
		r.Died++
	}
}

// ending tells what became of a letter here, without doing anything.
func (r *Resubmission) ending(l *Letter) ending {
	switch {
	case l.Batch != r.Name, l.State == Discarded:
		return skipped
	case l.State == Booked:
		return booked
	case l.State == Open:
		return died
	}
	return waiting
}

// send takes a letter one way further: decided, sent, booked.
func (s *sender) send(ctx context.Context, r Resubmission, id string) (ending, error) {
	l, err := s.vault.find(ctx, id)
	if err != nil {
		return skipped, err
	}
	if l.Batch != r.Name && l.State == Open {
		l.State, l.Batch, l.Generation = Sending, r.Name, l.Generation+1
		if err := s.vault.update(ctx, l, Line{Who: r.By, Action: "resubmit", Detail: r.Name}); err != nil {
			return waiting, mine(err)
		}
	}
	switch e := r.ending(l); {
	case e != waiting:
		return e, nil
	case l.State == Sending:
		if err := s.queues[l.Queue].Send(ctx, l.message()); err != nil {
			return waiting, err
		}
		l.State = Sent
		return waiting, mine(s.vault.update(ctx, l, Line{Who: "quarantine", Action: "sent", Detail: l.newMessageID()}))
	}
	content, err := s.ledger.seen(ctx, l.Account, l.Payment)
	if err != nil || content != digest(string(l.content())) {
		return waiting, err
	}
	l.State = Booked
	return booked, mine(s.vault.update(ctx, l, Line{Who: "quarantine", Action: "booked", Detail: "its payment is in the ledger"}))
}

// mine leaves to others what they did first: the next step sees it.
func mine(err error) error {
	if errors.Is(err, errStale) {
		return nil
	}
	return err
}

// newMessageID is another one for each resubmission, and the same however often that
// is sent: the old one would be dropped by duplicate detection.
func (l *Letter) newMessageID() string { return fmt.Sprintf("%s-%d", l.ID, l.Generation) }

// message is the letter on its way back.
func (l *Letter) message() *azservicebus.Message {
	m := &azservicebus.Message{
		MessageID: to.Ptr(l.newMessageID()), ContentType: to.Ptr("application/json"), Subject: to.Ptr(typeMade), Body: l.content(),
		ApplicationProperties: map[string]any{},
	}
	if l.Session != "" {
		m.SessionID = to.Ptr(l.Session)
	}
	for name, value := range l.properties {
		m.ApplicationProperties[name] = value
	}
	m.ApplicationProperties[propertyLetter], m.ApplicationProperties[propertyGeneration] = l.ID, strconv.FormatInt(l.Generation, 10)
	return m
}
