package http1

import "bytes"

// A Response is one answer. Its slices alias the connection's buffer and are
// valid until the next Do.
type Response struct {
	Status int
	Body   []byte // complete, chunks already joined; empty without a body
	Close  bool   // the connection ends with this answer: dial again

	headers []byte // the lines after the status line, each with its CRLF
}

// Header returns the value of the first header of that name, whatever its
// capitals, without the space around it; nil if there is none.
func (r *Response) Header(name string) []byte {
	rest := r.headers
	for len(rest) > 0 {
		end := bytes.IndexByte(rest, '\n')
		if end < 1 {
			return nil
		}
		if field, value, ok := cutField(rest[:end-1]); ok && equalFold(field, name) {
			return value
		}
		rest = rest[end+1:]
	}
	return nil
}

func (r *Response) reset() { *r = Response{} }

func cutField(line []byte) (name, value []byte, ok bool) {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 {
		return nil, nil, false
	}
	return line[:colon], trim(line[colon+1:]), true
}

// trim keeps an empty value apart from a missing one, which bytes.Trim does not.
func trim(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// equalFold compares ASCII without regard to capitals. bytes.EqualFold knows
// Unicode, where a Kelvin sign equals k.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if lower(b[i]) != lower(s[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
