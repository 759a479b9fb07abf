package urlshortener

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// tokens makes management tokens. A token is derived from the idempotency key
// of the creation, so that a repeated creation can give the same answer while
// the store holds nothing but the token's hash. It follows that a caller's
// idempotency keys deserve the care of passwords.
type tokens struct{ key []byte }

func (t tokens) of(idempotencyKey string) string {
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte("management token\x00"))
	mac.Write([]byte(idempotencyKey))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:24])
}

func hashToken(token string) [32]byte { return sha256.Sum256([]byte(token)) }
