package http1

import (
	"fmt"
	"strconv"
	"strings"
)

// A Field is one header of a request.
type Field struct{ Name, Value string }

// NewRequest returns the bytes of a request; see [AppendRequest].
func NewRequest(method, target, host string, body []byte, fields ...Field) ([]byte, error) {
	return AppendRequest(nil, method, target, host, body, fields...)
}

// AppendRequest appends the bytes of a request to dst and returns the result;
// with enough room in dst it does not allocate. The target is a path with an
// optional query, already escaped. Host and Content-Length are set here and may
// not be among the fields. Anything that would let an argument end its line is
// an error, and dst comes back as it was.
func AppendRequest(dst []byte, method, target, host string, body []byte, fields ...Field) ([]byte, error) {
	if err := checkRequest(method, target, host, fields); err != nil {
		return dst, err
	}
	dst = append(dst, method...)
	dst = append(dst, ' ')
	dst = append(dst, target...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, host...)
	for _, f := range fields {
		dst = append(dst, "\r\n"...)
		dst = append(dst, f.Name...)
		dst = append(dst, ": "...)
		dst = append(dst, f.Value...)
	}
	if len(body) > 0 || takesBody(method) {
		dst = append(dst, "\r\nContent-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(body)), 10)
	}
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, body...), nil
}

func takesBody(method string) bool {
	return method == "POST" || method == "PUT" || method == "PATCH"
}

func checkRequest(method, target, host string, fields []Field) error {
	if !isToken(method) {
		return fmt.Errorf("http1: request: method %q", method)
	}
	if !strings.HasPrefix(target, "/") || strings.ContainsFunc(target, notVisible) {
		return fmt.Errorf("http1: request: target %q", target)
	}
	if host == "" || strings.ContainsFunc(host, notVisible) {
		return fmt.Errorf("http1: request: host %q", host)
	}
	for _, f := range fields {
		if err := checkField(f); err != nil {
			return err
		}
	}
	return nil
}

func checkField(f Field) error {
	if !isToken(f.Name) || strings.ContainsFunc(f.Value, control) {
		return fmt.Errorf("http1: request: header %q: %q", f.Name, f.Value)
	}
	for _, own := range [...]string{"Host", "Content-Length", "Transfer-Encoding"} {
		if strings.EqualFold(f.Name, own) {
			return fmt.Errorf("http1: request: header %q is not the caller's to set", f.Name)
		}
	}
	return nil
}

func notVisible(r rune) bool { return r <= ' ' || r >= 0x7f }

func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
