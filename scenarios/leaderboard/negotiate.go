package leaderboard

import (
	"bytes"
	"crypto/rand"
)

// pageNumber reads the path of a page exactly as it is usually sent.
func pageNumber(uri []byte) (int, bool) {
	digits, ok := bytes.CutPrefix(uri, []byte("/api/pages/"))
	if !ok || len(digits) == 0 || len(digits) > 2 || digits[0] == '0' {
		return 0, false
	}
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, n <= Pages
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3) as far as it matters here.
func acceptsGzip(header []byte) bool {
	for len(header) > 0 {
		var part []byte
		part, header, _ = bytes.Cut(header, []byte(","))
		coding, weight, weighted := bytes.Cut(part, []byte(";"))
		if bytes.EqualFold(bytes.TrimSpace(coding), []byte("gzip")) {
			return !weighted || !zero(bytes.TrimSpace(weight))
		}
	}
	return false
}

// zero reports whether a weight is q=0, with any number of decimals.
func zero(weight []byte) bool {
	value, ok := bytes.CutPrefix(bytes.ToLower(weight), []byte("q="))
	return ok && len(value) > 0 && len(bytes.Trim(value, "0.")) == 0
}

// matches reports whether If-None-Match (RFC 9110, 13.1.2) names the ETag. What
// is malformed names nothing.
func matches(header, etag []byte) bool {
	if string(bytes.TrimSpace(header)) == "*" {
		return true
	}
	for {
		header = bytes.TrimLeft(header, " \t,")
		header = bytes.TrimPrefix(header, []byte("W/")) // the comparison is weak
		if len(header) < 2 || header[0] != '"' {
			return false
		}
		end := bytes.IndexByte(header[1:], '"')
		if end < 0 {
			return false
		}
		if bytes.Equal(header[:end+2], etag) {
			return true
		}
		header = header[end+2:]
	}
}

// unkeyed names a submission that came without a key: no retry can find it, and
// none was asked for.
func unkeyed() string { return "unkeyed-" + rand.Text() }
