package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Forever is what the service calls the longest duration.
const Forever = "P10675199DT2H48M5.4775807S"

// ParseDuration reads an ISO 8601 duration of days, hours, minutes and seconds.
// The service's longest, and all above 200 years, are 0: no limit.
func ParseDuration(s string) (time.Duration, error) {
	m := regexp.MustCompile(`^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$`).FindStringSubmatch(s)
	if m == nil || s == "P" || strings.HasSuffix(s, "T") {
		return 0, fmt.Errorf("%q is no ISO 8601 duration", s)
	}
	seconds := 0.0
	for i, unit := range []float64{86400, 3600, 60, 1} {
		if m[i+1] == "" {
			continue
		}
		n, err := strconv.ParseFloat(m[i+1], 64)
		if err != nil {
			return 0, fmt.Errorf("%q is no ISO 8601 duration: %w", s, err)
		}
		seconds += n * unit
	}
	if seconds > 200*365*86400 {
		return 0, nil
	}
	return time.Duration(math.Round(seconds*1e6)) * time.Microsecond, nil
}

// FormatDuration writes an ISO 8601 duration; 0 is the service's longest.
func FormatDuration(d time.Duration) string {
	if d <= 0 {
		return Forever
	}
	var b strings.Builder
	b.WriteByte('P')
	if days := d / (24 * time.Hour); days > 0 {
		fmt.Fprintf(&b, "%dD", days)
		d %= 24 * time.Hour
	}
	if d == 0 {
		return b.String()
	}
	b.WriteByte('T')
	if h := d / time.Hour; h > 0 {
		fmt.Fprintf(&b, "%dH", h)
	}
	if m := d % time.Hour / time.Minute; m > 0 {
		fmt.Fprintf(&b, "%dM", m)
	}
	if s := d % time.Minute; s > 0 {
		b.WriteString(strconv.FormatFloat(s.Seconds(), 'f', -1, 64) + "S")
	}
	return b.String()
}
