// Package webhooksig tells whether a webhook was sent by who has the key: HMAC
// SHA-256 over the raw body, in the header formats that senders use.
//
//	claim, err := scheme.Claim(r.Header, time.Now())  // cheap: before the body is read
//	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
//	err = claim.Verify(body)
//
// Two schemes: [Stripe] signs a time and the body, so a request that somebody
// recorded is refused when it is old; [GitHub] signs the body alone, so a recorded
// one stays valid for as long as the key, and whoever receives it must remember
// what it has seen.
//
// Several keys may be active, so that a key is rotated without losing an event:
// add the new one, have the sender use it, remove the old one. Every active key
// is tried, and compared in constant time.
//
// Verify the bytes that arrived. A body that was decoded and encoded again is
// another one.
package webhooksig

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// The reasons of a refusal. All are the sender's or an attacker's doing: answer
// 401, and say no more than which.
var (
	ErrMissing   = errors.New("webhooksig: no signature")
	ErrMalformed = errors.New("webhooksig: malformed signature")
	ErrTime      = errors.New("webhooksig: signed too long ago or in the future")
	ErrMismatch  = errors.New("webhooksig: no active key made this signature")
)

const (
	// MinKey is the length in bytes of the shortest key that is accepted.
	MinKey = 16
	// MaxKeys is how many keys may be active at once: each costs a hash of the body.
	MaxKeys = 8
	// MaxHeader is the length in bytes of the longest signature header that is read.
	MaxHeader = 1024
)

// Keys are the active keys of one sender, in any order. They are the bytes of the
// secret as the sender shows it, prefix and all.
type Keys [][]byte

// Valid returns an error unless there are 1 to MaxKeys keys, none of them short.
func (k Keys) Valid() error {
	if len(k) == 0 || len(k) > MaxKeys {
		return errors.New("webhooksig: want 1 to 8 keys")
	}
	for _, key := range k {
		if len(key) < MinKey {
			return errors.New("webhooksig: a key is shorter than 16 bytes")
		}
	}
	return nil
}

// A Claim is what a header says, not yet believed.
type Claim struct {
	keys   Keys
	prefix []byte // signed before the body
	sums   [][]byte
}

// Verify returns nil if an active key made one of the claimed signatures for
// this body, else ErrMismatch. Its time depends on the length of the body and on
// the number of keys and signatures, not on their bytes.
func (c Claim) Verify(body []byte) error {
	match := false
	for _, key := range c.keys {
		sum := sign(key, c.prefix, body)
		for _, claimed := range c.sums {
			match = hmac.Equal(sum, claimed) || match
		}
	}
	if !match {
		return ErrMismatch
	}
	return nil
}

func sign(key, prefix, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(prefix)
	mac.Write(body)
	return mac.Sum(nil)
}

// decode returns the 32 bytes of a signature in hexadecimal.
func decode(text string) ([]byte, bool) {
	if len(text) != hex.EncodedLen(sha256.Size) {
		return nil, false
	}
	sum, err := hex.DecodeString(text)
	return sum, err == nil
}
