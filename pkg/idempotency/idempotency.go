// Package idempotency makes a POST safe to repeat when its effect is a
// DynamoDB transaction.
//
// The record of the key is one more item in the caller's transaction, so
// effect and record commit together or not at all. A repeated request finds
// the record and gets the stored answer; the same key with another body is
// refused. Delivery stays at least once: it is the effect that happens once,
// in that table, for as long as the record is kept.
//
// The header is described in draft-ietf-httpapi-idempotency-key-header.
package idempotency

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
)

// Header is the name of the request header that carries the key.
const Header = "Idempotency-Key"

// Keys have between MinKey and MaxKey visible ASCII characters: enough for a
// UUID, and no place to smuggle a body.
const (
	MinKey = 16
	MaxKey = 64
)

var (
	// ErrMalformed is returned for a key that does not fit the grammar.
	ErrMalformed = errors.New("idempotency key must have 16 to 64 visible ASCII characters")
	// ErrExists says that the transaction was refused because a record of the key exists.
	ErrExists = errors.New("idempotency key has a record")
)

// Key returns the request's key, or "" when it carries none.
func Key(h http.Header) (string, error) {
	values := h.Values(Header)
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(values) > 1 || len(key) < MinKey || len(key) > MaxKey {
		return "", ErrMalformed
	}
	for _, c := range []byte(key) {
		if c <= ' ' || c > '~' {
			return "", ErrMalformed
		}
	}
	return key, nil
}

// Fingerprint identifies a request by its parts, such as method, path and body.
func Fingerprint(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		// The length keeps ("ab", "c") apart from ("a", "bc").
		fmt.Fprintf(h, "%d\x00%s", len(part), part)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
