package webhooksig

import (
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// GitHub is the scheme of GitHub's header "X-Hub-Signature-256":
//
//	sha256=<64 hexadecimal digits>
//
// The HMAC of the body. It signs no time and no other header: take the id of an
// event from the body, for X-GitHub-Delivery is whatever the sender of a recorded
// request wants it to be. The older X-Hub-Signature (SHA-1) is ignored.
type GitHub struct{ Keys Keys }

// Claim reads the header. A second one of the name, and whatever is not the one
// form, are ErrMalformed. The time plays no part.
func (g GitHub) Claim(h http.Header, _ time.Time) (Claim, error) {
	text, err := only(h, "X-Hub-Signature-256")
	if err != nil {
		return Claim{}, err
	}
	digits, ok := strings.CutPrefix(text, "sha256=")
	if !ok {
		return Claim{}, ErrMalformed
	}
	sum, ok := decode(digits)
	if !ok {
		return Claim{}, ErrMalformed
	}
	return Claim{keys: g.Keys, sums: [][]byte{sum}}, nil
}

// SignGitHub returns the value of the header.
func SignGitHub(key, body []byte) string {
	return "sha256=" + hex.EncodeToString(sign(key, nil, body))
}

// only returns the value of a header that must be there once: of two, one reader
// takes the first and another the last.
func only(h http.Header, name string) (string, error) {
	values := h.Values(name)
	switch {
	case len(values) == 0:
		return "", ErrMissing
	case len(values) > 1 || len(values[0]) > MaxHeader:
		return "", ErrMalformed
	}
	return values[0], nil
}
