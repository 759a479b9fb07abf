package ordernotify

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/provingground/provingground/pkg/sqsconsumer"
)

// sesEvents records what SES itself says: a Send event means that it accepted
// the mail, also where its answer to us was lost.
type sesEvents struct {
	mails   *mails
	metrics *metrics
}

// sendEvent is what SES publishes for a configuration set (read: "Examples of
// event data that Amazon SES publishes to Amazon SNS").
type sendEvent struct {
	EventType string `json:"eventType"`
	Mail      struct {
		MessageID string              `json:"messageId"`
		Tags      map[string][]string `json:"tags"`
	} `json:"mail"`
}

// validation is what SES publishes when a topic becomes an event destination. AWS
// does not document it; people who saw it do (ope-tech/laravel-ses, issue 10), and
// LocalStack sends it.
const validation = "Successfully validated SNS topic for Amazon SES event publishing."

// handle handles one event of SES.
func (s *sesEvents) handle(ctx context.Context, m sqsconsumer.Message) error {
	if m.Body == validation {
		return nil
	}
	var e sendEvent
	if err := json.Unmarshal([]byte(m.Body), &e); err != nil {
		return sqsconsumer.Permanent(fmt.Errorf("not an event of SES: %w", err))
	}
	if e.EventType != "Send" {
		return nil // the template asks for no others; a person may have
	}
	order, kind := e.Mail.Tags["order"], e.Mail.Tags["kind"]
	if len(order) != 1 || len(kind) != 1 {
		return sqsconsumer.Permanent(fmt.Errorf("SES event about %.100q has no order and kind", e.Mail.MessageID))
	}
	if err := storeError(s.mails.accepted(ctx, order[0], kind[0], e.Mail.MessageID)); err != nil {
		return err
	}
	s.metrics.mails.WithLabelValues("event").Inc()
	return nil
}
