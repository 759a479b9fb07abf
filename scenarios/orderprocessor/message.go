package orderprocessor

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// The application properties of a message: CloudEvents' names in its AMQP binding,
// and the version of what the body means.
const (
	propertySpec   = "cloudEvents:specversion"
	propertyID     = "cloudEvents:id"
	propertyType   = "cloudEvents:type"
	propertySource = "cloudEvents:source"
	propertyTime   = "cloudEvents:time"
	propertySchema = "schema"

	typePlaced    = "order.placed"
	schemaVersion = "1"
)

// Reasons of dead letters.
const (
	reasonSchema  = "unknown-schema"
	reasonBody    = "malformed"
	reasonSession = "session-mismatch"
	reasonReused  = "key-reused"
	reasonStorage = "storage-refuses"
)

// message is an order on its way. Its session is the customer, which gives the
// customer's orders their order. Its id is that of the order and the content: so
// duplicate detection drops a repetition, and never another content under the same
// key, which the processor has to see.
func message(o Order, now time.Time) *azservicebus.Message {
	m := &azservicebus.Message{
		MessageID: to.Ptr(o.id + "-" + o.content), SessionID: to.Ptr(o.Customer), Subject: to.Ptr(typePlaced),
		ContentType: to.Ptr("application/json"), Body: o.raw,
		ApplicationProperties: map[string]any{
			propertySpec: "1.0", propertyID: o.id, propertyType: typePlaced, propertySource: "/orderprocessor/intake",
			propertyTime: now.UTC().Format(time.RFC3339), propertySchema: schemaVersion,
		},
	}
	for name, value := range o.traces {
		m.ApplicationProperties[name] = value
	}
	return m
}

// refusal is a message that is no order, and why.
type refusal struct {
	reason string
	err    error
}

// unwrap returns the order of a message. Its errors are permanent.
func unwrap(m *azservicebus.ReceivedMessage) (Order, *refusal) {
	if version := m.ApplicationProperties[propertySchema]; version != schemaVersion {
		return Order{}, &refusal{reasonSchema, fmt.Errorf("schema version %.20v", version)}
	}
	o, err := parse(m.Body)
	if err != nil {
		return o, &refusal{reasonBody, err}
	}
	id, _ := m.ApplicationProperties[propertyID].(string)
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) {
		return o, &refusal{reasonBody, errors.New("no id of an order")}
	}
	if m.SessionID == nil || *m.SessionID != o.Customer {
		return o, &refusal{reasonSession, errors.New("the session is not the order's customer")}
	}
	o.id = id
	return o, nil
}

// carried are the properties of a message that are text: traces are among them.
func carried(m *azservicebus.ReceivedMessage) map[string]string {
	texts := map[string]string{}
	for name, value := range m.ApplicationProperties {
		if text, ok := value.(string); ok {
			texts[name] = text
		}
	}
	return texts
}
