package report

import (
	"strconv"
	"time"
)

// Milliseconds is a duration as the JSON holds it.
type Milliseconds float64

// Millis converts a duration.
func Millis(d time.Duration) Milliseconds {
	return Milliseconds(float64(d.Microseconds()) / 1000)
}

// String returns the duration with its unit and about three digits, whole ones
// without decimals.
func (m Milliseconds) String() string {
	switch {
	case m < 10_000 && m == Milliseconds(int64(m)):
		return grouped(int64(m)) + " ms"
	case m < 10:
		return decimals(float64(m), 2) + " ms"
	case m < 100:
		return decimals(float64(m), 1) + " ms"
	case m < 10_000:
		return grouped(int64(m+0.5)) + " ms"
	}
	return decimals(float64(m)/1000, 1) + " s"
}

// Seconds is a duration as the JSON holds it.
type Seconds float64

// Secs converts a duration, to the millisecond.
func Secs(d time.Duration) Seconds { return Seconds(float64(d.Milliseconds()) / 1000) }

// String returns the duration with its unit, without digits that say nothing.
func (s Seconds) String() string {
	if s == Seconds(int64(s)) {
		return grouped(int64(s)) + " s"
	}
	return decimals(float64(s), 1) + " s"
}

func decimals(f float64, n int) string { return strconv.FormatFloat(f, 'f', n, 64) }

// grouped writes 12345 as 12,345.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// rate writes a number per second: whole ones from 100 on.
func rate(f float64) string {
	if f >= 100 {
		return grouped(int64(f + 0.5))
	}
	return decimals(f, 1)
}

func percent(share float64) string { return decimals(share*100, 1) + " %" }

// megabytes writes a size in megabytes.
func megabytes(n int64) string { return grouped((n+1<<19)>>20) + " MB" }
