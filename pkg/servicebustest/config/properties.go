package config

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
)

// Defaults of the emulator.
const (
	defaultTTL    = time.Hour
	defaultWindow = 20 * time.Second
	defaultLock   = time.Minute
	defaultCount  = 3
)

func (p Properties) settings() broker.Settings {
	s := broker.Settings{
		DeadLetterOnExpiration: p.DeadLetteringOnMessageExpiration,
		DefaultTTL:             p.DefaultMessageTimeToLive.or(defaultTTL),
		ForwardDeadLettersTo:   p.ForwardDeadLetteredMessagesTo,
		ForwardTo:              p.ForwardTo,
		LockDuration:           p.LockDuration.or(defaultLock),
		MaxDeliveryCount:       p.MaxDeliveryCount,
		RequiresSession:        p.RequiresSession,
	}
	if s.MaxDeliveryCount == 0 {
		s.MaxDeliveryCount = defaultCount
	}
	if p.RequiresDuplicateDetection {
		s.DuplicateWindow = p.DuplicateDetectionHistoryTimeWindow.or(defaultWindow)
	}
	return s
}

// Duration is an ISO 8601 duration such as PT1M30S.
type Duration time.Duration

// UnmarshalJSON reads the string of a duration.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	parsed, err := ParseDuration(s)
	*d = Duration(parsed)
	return err
}

func (d *Duration) or(otherwise time.Duration) time.Duration {
	if d == nil {
		return otherwise
	}
	return time.Duration(*d)
}

// decode refuses what it does not know and what follows the value.
func decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	d.UseNumber()
	return d.Decode(v)
}

// stripComments replaces comments, // and /* */, outside strings by blanks, so
// that positions in errors stay right.
func stripComments(b []byte) []byte {
	b = bytes.Clone(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")))
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '"':
			i = stringEnd(b, i)
		case bytes.HasPrefix(b[i:], []byte("//")):
			i = blank(b, i, bytes.IndexByte(b[i:], '\n'))
		case bytes.HasPrefix(b[i:], []byte("/*")):
			n := bytes.Index(b[i+2:], []byte("*/"))
			if n >= 0 {
				n += 4
			}
			i = blank(b, i, n)
		}
	}
	return b
}

// blank overwrites n bytes, or all that follow if n is negative.
func blank(b []byte, from, n int) int {
	to := from + n
	if n < 0 {
		to = len(b)
	}
	for i := from; i < to; i++ {
		if b[i] != '\n' {
			b[i] = ' '
		}
	}
	return to - 1
}

func stringEnd(b []byte, i int) int {
	for i++; i < len(b) && b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i
}
