package webhooks

import (
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"
)

// The attributes of a message: CloudEvents' names in Pub/Sub's binding, and the
// version of what the body means.
const (
	attributeSource  = "ce-source"
	attributeID      = "ce-id"
	attributeType    = "ce-type"
	attributeTime    = "ce-time"
	attributeSubject = "ce-subject"
	attributeSpec    = "ce-specversion"
	attributeSchema  = "schema"
	attributeReason  = "dead-letter-reason"

	schemaVersion = "1"
)

var errSchema = errors.New("unknown schema version")

// message is an event on its way: the raw body, for nothing else was signed. The
// key gives the events of an account their order.
func message(e Event) *pubsub.Message {
	return &pubsub.Message{
		Data: e.raw,
		Attributes: map[string]string{
			attributeSpec: "1.0", attributeSource: e.provider, attributeID: e.ID, attributeType: e.Type, attributeSubject: e.Account,
			attributeTime: time.Unix(e.Created, 0).UTC().Format(time.RFC3339), attributeSchema: schemaVersion,
		},
		OrderingKey: e.provider + "/" + e.Account,
	}
}

// unwrap returns the event of a message. Its errors are permanent.
func unwrap(data []byte, attributes map[string]string, now time.Time) (Event, error) {
	if version := attributes[attributeSchema]; version != schemaVersion {
		return Event{}, fmt.Errorf("%w %.20q", errSchema, version)
	}
	source := attributes[attributeSource]
	if !name(source) {
		return Event{}, fmt.Errorf("%w: no provider", errMalformed)
	}
	e, err := parse(source, data)
	if err == nil {
		err = e.aged(now, Remembered)
	}
	return e, err
}
