package ordernotify

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/provingground/provingground/pkg/outbox"
)

// What happened to an order. The names are those of the events' type attribute,
// by which the subscriptions filter.
const (
	orderPlaced     = "order.placed"
	orderConfirmed  = "order.confirmed"
	orderOutOfStock = "order.out-of-stock"
)

const schemaVersion = 1

// event is the envelope on the wire, with the attribute names of CloudEvents. It
// carries no address: who needs one reads it from the order.
type event struct {
	SpecVersion   string    `json:"specversion"`
	ID            string    `json:"id"`
	Type          string    `json:"type"`
	Source        string    `json:"source"`
	Subject       string    `json:"subject"` // the order
	Time          time.Time `json:"time"`
	SchemaVersion int       `json:"schemaversion"` // of data
	Data          orderData `json:"data"`
}

type orderData struct {
	Product  string `json:"product"`
	Quantity int    `json:"quantity"`
}

// placed returns the outbox row that says that an order was placed.
func placed(o Order) (outbox.Message, error) {
	return message(orderPlaced, o.ID, orderData{Product: o.Product, Quantity: o.Quantity})
}

// message names an event by order and kind: the same fact has the same id,
// whoever says it how often.
func message(kind, order string, data orderData) (outbox.Message, error) {
	body, err := json.Marshal(data)
	if err != nil {
		return outbox.Message{}, err
	}
	return outbox.Message{ID: order + "/" + kind, Kind: kind, Key: order, Body: body}, nil
}

// envelope returns the event of an outbox row.
func envelope(m outbox.Message) ([]byte, error) {
	e := event{
		SpecVersion: "1.0", ID: m.ID, Type: m.Kind, Source: "/ordernotify", Subject: m.Key,
		Time: m.Created.UTC(), SchemaVersion: schemaVersion,
	}
	if err := json.Unmarshal(m.Body, &e.Data); err != nil {
		return nil, fmt.Errorf("outbox row %s: %w", m.ID, err)
	}
	return json.Marshal(e)
}

// parse reads an event that one of these types sent. What it refuses no
// repetition mends.
func parse(body string, types ...string) (event, error) {
	var e event
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		return event{}, fmt.Errorf("not an event: %w", err)
	}
	if e.SchemaVersion != schemaVersion {
		return event{}, fmt.Errorf("event %.100q has schema version %d, known is %d", e.ID, e.SchemaVersion, schemaVersion)
	}
	for _, t := range types {
		if e.Type == t && e.Subject != "" && e.ID != "" {
			return e, e.Data.valid()
		}
	}
	return event{}, fmt.Errorf("event %.100q of type %.100q about %.100q is not for this queue", e.ID, e.Type, e.Subject)
}

func (d orderData) valid() error {
	if d.Product == "" || d.Quantity < 1 || d.Quantity > maxQuantity {
		return fmt.Errorf("event about %d of product %.100q", d.Quantity, d.Product)
	}
	return nil
}
