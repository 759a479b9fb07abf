package urlshortener

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

const (
	maxTarget = 2048 // characters; what browsers and proxies agree on
	maxLife   = 10 * 365 * 24 * time.Hour
)

// ValidAlias says what is wrong with an alias. The grammar starts with a letter
// and so never meets a code, which starts with a digit.
func ValidAlias(alias string) error {
	if len(alias) < 3 || len(alias) > 32 {
		return errors.New("alias must have 3 to 32 characters")
	}
	if alias[0] < 'a' || alias[0] > 'z' {
		return errors.New("alias must start with a lower-case letter")
	}
	for _, c := range []byte(alias) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return errors.New("alias may hold lower-case letters, digits and hyphens only")
		}
	}
	if reserved(alias) {
		return errors.New("alias is reserved")
	}
	return nil
}

func reserved(alias string) bool {
	return slices.Contains([]string{"api", "admin", "healthz", "readyz", "metrics"}, alias)
}

// ValidTarget returns the URL as it will be sent in Location: absolute, http or
// https, its host in ASCII. own is the host of the short links themselves.
func ValidTarget(raw, own string) (string, error) {
	if len(raw) > maxTarget {
		return "", errors.New("url must have at most 2048 characters")
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", errors.New("url must not hold spaces or control characters")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "", errors.New("url is malformed")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return "", errors.New("url must be absolute and start with http:// or https://")
	}
	if u.User != nil {
		return "", errors.New("url must not hold a user name or password")
	}
	if err := asciiHost(u); err != nil {
		return "", err
	}
	if strings.EqualFold(u.Host, own) || strings.EqualFold(u.Hostname(), hostname(own)) {
		return "", errors.New("url must not point to this shortener")
	}
	if target := u.String(); len(target) <= maxTarget {
		return target, nil
	}
	return "", errors.New("url must have at most 2048 characters once encoded")
}

// asciiHost converts an international domain name to the form that travels in
// a header, and refuses what no resolver would take.
func asciiHost(u *url.URL) error {
	host, port := u.Hostname(), u.Port()
	if host == "" {
		return errors.New("url must have a host")
	}
	if strings.Contains(host, ":") { // IPv6, already checked by url.Parse
		return nil
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil || len(ascii) > 253 {
		return errors.New("url has no valid host name")
	}
	u.Host = ascii
	if port != "" {
		u.Host += ":" + port
	}
	return nil
}

func hostname(hostport string) string {
	u := url.URL{Host: hostport}
	return u.Hostname()
}

// validExpiry accepts moments between now and ten years ahead.
func validExpiry(expires, now time.Time) error {
	if expires.IsZero() {
		return nil
	}
	if !expires.After(now) {
		return errors.New("expires_at must be in the future")
	}
	if expires.Sub(now) > maxLife {
		return errors.New("expires_at must be within ten years")
	}
	return nil
}
