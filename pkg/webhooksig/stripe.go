package webhooksig

import (
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// DefaultTolerance is how old a signature may be, as Stripe's own libraries have it.
const DefaultTolerance = 5 * time.Minute

// maxSums bounds the signatures of one header; a sender that rotates sends two.
const maxSums = 8

// Stripe is the scheme of Stripe's header "Stripe-Signature":
//
//	t=1764000000,v1=<64 hexadecimal digits>[,v1=…]
//
// The HMAC of "<t>.<body>". While the sender rotates its key it sends one v1 for
// each. Parts with other names (v0) are ignored.
type Stripe struct {
	Keys      Keys
	Tolerance time.Duration // before and after now; default DefaultTolerance
}

// Claim reads the header. A second header of the name, a second time, no or too
// many signatures, and a v1 that is none are ErrMalformed; the time is compared
// with now.
func (s Stripe) Claim(h http.Header, now time.Time) (Claim, error) {
	text, err := only(h, "Stripe-Signature")
	if err != nil {
		return Claim{}, err
	}
	claim := Claim{keys: s.Keys}
	at := ""
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			if at != "" {
				return Claim{}, ErrMalformed
			}
			at = value
		case "v1":
			sum, ok := decode(value)
			if !ok || len(claim.sums) == maxSums {
				return Claim{}, ErrMalformed
			}
			claim.sums = append(claim.sums, sum)
		}
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || seconds < 0 || strconv.FormatInt(seconds, 10) != at || len(claim.sums) == 0 {
		return Claim{}, ErrMalformed
	}
	tolerance := s.Tolerance
	if tolerance == 0 {
		tolerance = DefaultTolerance
	}
	if signed := time.Unix(seconds, 0); signed.Before(now.Add(-tolerance)) || signed.After(now.Add(tolerance)) {
		return Claim{}, ErrTime
	}
	claim.prefix = []byte(at + ".")
	return claim, nil
}

// SignStripe returns the value of the header, signed with each key: what a sender,
// a test or a load generator puts in.
func SignStripe(keys Keys, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	header := "t=" + t
	for _, key := range keys {
		header += ",v1=" + hex.EncodeToString(sign(key, []byte(t+"."), body))
	}
	return header
}
