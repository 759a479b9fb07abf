package servicebusdlq

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// The application properties of a message: CloudEvents' names in its AMQP binding,
// the version of what the body means, and which letter of the quarantine it was, and
// for which time it was resubmitted.
const (
	propertySpec   = "cloudEvents:specversion"
	propertyID     = "cloudEvents:id"
	propertyType   = "cloudEvents:type"
	propertySource = "cloudEvents:source"
	propertyTime   = "cloudEvents:time"
	propertySchema = "schema"

	propertyAccount    = "account"
	propertyLetter     = "quarantine-letter"
	propertyGeneration = "quarantine-generation"

	typeMade      = "payment.made"
	schemaVersion = 1
)

// Reasons of dead letters, beside those of servicebusconsumer.
const (
	reasonMalformed = "malformed"
	reasonVersion   = "unknown-version"
	reasonSession   = "session-mismatch"
	reasonReused    = "id-reused"
	reasonStorage   = "storage-refuses"
)

const (
	maxAmount = 1_000_000_000 // cents
	maxParts  = 1000
)

// payment is one event: an account pays so much.
type payment struct {
	id      string // the producer's; with the account for ever
	account string
	content string // a fingerprint of what it says
	letter  string // the letter that it was, or empty

	amount    int64 // cents
	parts     int64
	currency  string
	partnerMS int64
}

// data is the body of a message.
type data struct {
	Amount    *int64 `json:"amount"`               // cents of the currency
	Parts     *int64 `json:"parts,omitempty"`      // that it is booked in; only the first counts now
	Currency  string `json:"currency,omitempty"`   // EUR if it is left out
	PartnerMS int64  `json:"partner_ms,omitempty"` // how long somebody else's service takes
}

// newMessage is a payment on its way. Its id is that of the payment and the content:
// so duplicate detection drops a repetition, and never another content under the same
// id, which the processor has to see. Sessions are accounts, where order is asked for.
func newMessage(id string, body paymentBody, at time.Time) *azservicebus.Message {
	m := &azservicebus.Message{
		MessageID: to.Ptr(digest(body.Account, id) + "-" + digest(string(body.Data))), Subject: to.Ptr(typeMade),
		ContentType: to.Ptr("application/json"), Body: body.Data,
		ApplicationProperties: map[string]any{
			propertySpec: "1.0", propertyID: id, propertyType: typeMade, propertySource: "/servicebusdlq/producer",
			propertyTime: at.UTC().Format(time.RFC3339), propertySchema: fmt.Sprint(body.Version), propertyAccount: body.Account,
		},
	}
	if body.Ordered {
		m.SessionID = to.Ptr(body.Account)
	}
	return m
}

// refusal is a message that is no payment, and why.
type refusal struct {
	reason string
	err    error
}

// unwrap returns the payment of a message. Its errors are permanent: no repetition
// of the same message mends them.
func unwrap(m *azservicebus.ReceivedMessage) (payment, *refusal) {
	text := func(name string) string { s, _ := m.ApplicationProperties[name].(string); return s }
	p := payment{id: text(propertyID), account: text(propertyAccount), letter: text(propertyLetter), content: digest(string(m.Body))}
	switch version := text(propertySchema); {
	case version != fmt.Sprint(schemaVersion):
		return p, &refusal{reasonVersion, fmt.Errorf("schema version %.20q", version)}
	case p.id == "" || len(p.id) > maxID || !validAccount(p.account):
		return p, &refusal{reasonMalformed, errors.New("no id or no account")}
	case m.SessionID != nil && *m.SessionID != p.account:
		return p, &refusal{reasonSession, errors.New("the session is not the payment's account")}
	}
	if err := p.read(m.Body); err != nil {
		return p, &refusal{reasonMalformed, err}
	}
	return p, nil
}

const maxID = 128

// read takes what the body says. That a payment has no parts is let through: it is
// the kind of mistake that consumers have to live with.
func (p *payment) read(body []byte) error {
	var d data
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	p.parts, p.currency, p.partnerMS = 1, "EUR", d.PartnerMS
	if d.Parts != nil {
		p.parts = *d.Parts
	}
	if d.Currency != "" {
		p.currency = d.Currency
	}
	if d.Amount == nil || *d.Amount < 1 || *d.Amount > maxAmount || p.parts < 0 || p.parts > maxParts || !validCurrency(p.currency) || p.partnerMS < 0 {
		return fmt.Errorf("a payment has an amount of 1 to %d, up to %d parts and a currency of three letters", maxAmount, maxParts)
	}
	p.amount = *d.Amount
	return nil
}

func validCurrency(s string) bool {
	for _, c := range []byte(s) {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return len(s) == 3
}

func validAccount(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= maxAccount
}

// digest is 128 bits of texts, in hexadecimal: safe in row keys and message ids.
func digest(texts ...string) string {
	h := sha256.New()
	for _, s := range texts {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
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
