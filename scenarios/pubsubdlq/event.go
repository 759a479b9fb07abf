package pubsubdlq

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/provingground/provingground/pkg/pubsubconsumer"
)

// Attributes of a message: those of CloudEvents in its Pub/Sub binding, and which
// dead letter it was before it was sent back.
const (
	attributeID      = "ce-id"
	attributeType    = "ce-type"
	attributeSource  = "ce-source"
	attributeTime    = "ce-time"
	attributeVersion = "ce-schemaversion"

	attributeLetter  = "redriven-letter"
	attributeRedrive = "redriven-by"
)

const (
	usageRecorded = "usage.recorded"
	schemaVersion = 1
	maxUnits      = 1_000_000_000_000
)

// Reasons by which dead letters are grouped, besides those of pubsubconsumer.
const (
	reasonMalformed      = "malformed"
	reasonVersion        = "unknown-version"
	reasonUnknownAccount = "unknown-account"
	reasonRefused        = "refused-by-database"
	reasonParked         = "parked"
	reasonReused         = "id-reused"
)

// usage is one event: an account used so much.
type usage struct {
	id      string // the producer's, for ever
	account string // the ordering key
	units   int64  // negative for a correction
	letter  string // the dead letter that it was, or empty
	redrive string
}

// newMessage returns the message of an event.
func newMessage(id, account string, version int, data json.RawMessage, at time.Time) *pubsub.Message {
	return &pubsub.Message{
		Data: data, OrderingKey: account,
		Attributes: map[string]string{
			attributeID: id, attributeType: usageRecorded, attributeSource: "/pubsubdlq/publisher",
			attributeTime: at.UTC().Format(time.RFC3339Nano), attributeVersion: strconv.Itoa(version),
		},
	}
}

// parse reads an event. What it refuses no repetition mends.
func parse(m pubsubconsumer.Message) (usage, error) {
	u := usage{id: m.Attributes[attributeID], account: m.Key, letter: m.Attributes[attributeLetter], redrive: m.Attributes[attributeRedrive]}
	if got := m.Attributes[attributeVersion]; got != strconv.Itoa(schemaVersion) {
		return u, pubsubconsumer.Permanent(reasonVersion, fmt.Errorf("schema version %.20q, known is %d", got, schemaVersion))
	}
	var data struct {
		Units *int64 `json:"units"`
	}
	dec := json.NewDecoder(bytes.NewReader(m.Data))
	if err := dec.Decode(&data); err != nil {
		return u, malformed("not the JSON that is expected: %w", err)
	}
	_, end := dec.Token()
	switch {
	case !errors.Is(end, io.EOF):
		return u, malformed("more than one JSON value")
	case u.id == "" || len(u.id) > maxID || u.account == "" || m.Attributes[attributeType] != usageRecorded:
		return u, malformed("an event of type %.40q, with id %.40q, about account %.40q", m.Attributes[attributeType], u.id, u.account)
	case data.Units == nil || *data.Units > maxUnits || *data.Units < -maxUnits:
		return u, malformed("no units, or more than %d", int64(maxUnits))
	}
	u.units = *data.Units
	return u, nil
}

const maxID = 128 // bytes of an event's id

func malformed(format string, args ...any) error {
	return pubsubconsumer.Permanent(reasonMalformed, fmt.Errorf(format, args...))
}
