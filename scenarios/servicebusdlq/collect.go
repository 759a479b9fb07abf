package servicebusdlq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"time"

	"github.com/provingground/provingground/pkg/deadletters"
	"github.com/provingground/provingground/pkg/servicebusconsumer"
)

// collector takes dead letters into the vault. A dead letter is completed when the
// vault has it: one that is delivered again is found there.
//
// Deferring it, which would leave it where it is, is no way: of a queue with sessions
// a deferred dead letter cannot be received by another client
// (https://github.com/Azure/azure-sdk-for-net/issues/34662).
type collector struct {
	vault   vault
	metrics *metrics
	log     *slog.Logger
}

// from returns the handler of a queue's dead letters.
func (c collector) from(queue string) func(context.Context, *servicebusconsumer.Message) error {
	return func(ctx context.Context, m *servicebusconsumer.Message) error {
		ctx, cancel := context.WithTimeout(ctx, applyTimeout)
		defer cancel()
		err := c.keep(ctx, newLetter(queue, m), generation(m))
		if err != nil {
			return servicebusconsumer.Unavailable(err) // of what is kept nothing is given up
		}
		return nil
	}
}

// generation is for which time a message was resubmitted, 0 for never.
func generation(m *servicebusconsumer.Message) int64 {
	text, _ := m.ApplicationProperties[propertyGeneration].(string)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func newLetter(queue string, m *servicebusconsumer.Message) *Letter {
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	properties := carried(m)
	maps.DeleteFunc(properties, func(name, _ string) bool { return name == "DeadLetterReason" || name == "DeadLetterErrorDescription" })
	l := &Letter{
		ID: properties[propertyLetter], Queue: queue, Session: text(m.SessionID), MessageID: m.MessageID,
		Payment: properties[propertyID], Account: properties[propertyAccount], Reason: text(m.DeadLetterReason), Description: text(m.DeadLetterErrorDescription),
		Shape: deadletters.Shape(m.Body), State: Open, Deliveries: int64(m.DeliveryCount), Deaths: 1, Died: time.Now().UTC(),
		body: m.Body, properties: properties,
	}
	if !hexadecimal(l.ID) {
		// A message id that was used for another content is another letter.
		l.ID = digest(queue, m.MessageID, string(m.Body))
	}
	return l
}

// keep adds a letter, or opens it again where its resubmission died. Any other
// delivery says nothing new.
func (c collector) keep(ctx context.Context, l *Letter, generation int64) error {
	known, err := c.vault.find(ctx, l.ID)
	switch {
	case errors.Is(err, errNoLetter):
		return c.vault.add(ctx, l, Line{Who: l.Queue, Action: "died", Detail: l.Reason})
	case err != nil:
		return err
	case known.Generation != generation, known.State != Sending && known.State != Sent:
		return nil
	}
	known.State, known.Reason, known.Description = Open, l.Reason, l.Description
	known.Deaths, known.Deliveries, known.Died = known.Deaths+1, l.Deliveries, l.Died
	return c.vault.update(ctx, known, Line{Who: l.Queue, Action: "died again", Detail: fmt.Sprintf("%s, resubmitted by %s", l.Reason, known.Batch)})
}

func (c collector) observe(m *servicebusconsumer.Message, o servicebusconsumer.Outcome, err error) {
	if o != servicebusconsumer.Done {
		c.metrics.observe(c.log, m, o, err)
	}
}
