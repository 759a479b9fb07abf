package rendition

import "fmt"

// A Reason says why an image is refused, in one word that programs may act on.
type Reason string

// The reasons.
const (
	TooLarge           Reason = "too_large"           // more bytes than the limit
	TooManyPixels      Reason = "too_many_pixels"     // pixels, a side, or memory over the limit
	TooComplex         Reason = "too_complex"         // frames or scans over the limit
	UnsupportedFormat  Reason = "unsupported_format"  // not a known format, or a rare kind of one
	UnsupportedProfile Reason = "unsupported_profile" // colours that a matrix and curves do not describe
	Corrupt            Reason = "corrupt"             // cut off, or broken
)

// A Refusal is the error for an image that no repetition makes acceptable.
type Refusal struct {
	Reason Reason
	Detail string
}

// Error implements error.
func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Detail }

func refusef(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}
