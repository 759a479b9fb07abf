// Package orderprocessor accepts orders at any rate and processes them reliably, in
// the order of each customer, each once.
//
//	caller ─ POST /api/orders ─▶ intake ×2 ─ message, session = customer ─▶ Service Bus queue ─ 202
//	                                                                            │
//	                 processor ×1…n ◀─ one session at a time, one message at a time ─┘
//	                    └─▶ one transaction of one partition: dedup row + order + status ─▶ Table storage
//	                    └─▶ what can never work, with its reason ─▶ dead-letter queue
//
// Intake writes to Service Bus alone. Delivery is at least once; an order is
// processed once, in Table storage, by customer and idempotency key.
//
// Start here: an Order is what travels. The boxes of the diagram are files:
// intake.go and message.go, processor.go and tables.go.
package orderprocessor

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/provingground/provingground/pkg/problem"
)

const (
	// MaxBody is the size of the largest order in bytes. A message of Service Bus's
	// standard tier has 256 KiB with its properties, a binary property of a row 64
	// KiB: what is accepted at the door fits behind it.
	MaxBody = 48 << 10

	maxItems    = 100
	maxQuantity = 1000
	maxPrice    = 10_000_000 // cents
)

// An Order is what a customer asks for, as it came: the raw body is kept.
type Order struct {
	Customer string `json:"customer"`
	Items    []Item `json:"items"`
	Note     string `json:"note,omitempty"`

	id      string // of customer and idempotency key
	content string // a fingerprint of the raw body
	raw     []byte
	traces  map[string]string // what leads back to the request that brought it
}

// An Item is one line of an order.
type Item struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
	Price    int64  `json:"price"` // cents, each
}

// parse reads an order and checks everything that needs no I/O. Its errors are
// problems, and permanent: no repetition of the same bytes mends them.
func parse(raw []byte) (Order, error) {
	o := Order{raw: raw}
	if err := problem.DecodeStrict(raw, &o); err != nil {
		return o, err
	}
	if !name(o.Customer) {
		return o, problem.Invalid("customer must have 1 to 100 characters of A-Z, a-z, 0-9 and .:_-")
	}
	if len(o.Items) == 0 || len(o.Items) > maxItems {
		return o, problem.Invalid(fmt.Sprintf("an order has 1 to %d items", maxItems))
	}
	for i, item := range o.Items {
		if !name(item.SKU) || item.Quantity < 1 || item.Quantity > maxQuantity || item.Price < 0 || item.Price > maxPrice {
			return o, problem.Invalid(fmt.Sprintf("items[%d] needs a sku of 1 to 100 characters of A-Z, a-z, 0-9 and .:_-, a quantity of 1 to %d and a price of 0 to %d", i, maxQuantity, maxPrice))
		}
	}
	o.content = digest(string(raw))
	return o, nil
}

// identify makes two attempts at an order the same one.
func (o *Order) identify(key string) { o.id = digest(o.Customer + "\x00" + key) }

// total is the order's sum in cents: below 2^53 within the bounds of parse.
func (o Order) total() (sum int64) {
	for _, item := range o.Items {
		sum += int64(item.Quantity) * item.Price
	}
	return sum
}

// digest is 128 bits, in hexadecimal: safe in row keys and message ids.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

// name is a small grammar that is safe in logs, row keys and session ids.
func name(s string) bool {
	other := func(c rune) bool {
		return !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.ContainsRune(".:_-", c))
	}
	return s != "" && len(s) <= 100 && !strings.ContainsFunc(s, other)
}
