package http1

import (
	"bytes"
	"net/http"
)

// head is what the header block says about the rest of the answer.
type head struct {
	status  int
	old     bool // HTTP/1.0
	close   bool
	chunked bool
	length  int // -1 if not given
	from    int // the header lines are buf[from:to]
	to      int
}

func (c *Conn) read(resp *Response, isHead bool) error {
	h, err := c.readHead()
	if err != nil {
		return err
	}
	body, err := c.readBody(h, isHead)
	if err != nil {
		return err
	}
	resp.Status = h.status
	resp.headers = c.buf[h.from:h.to]
	resp.Body = c.buf[h.to+2 : h.to+2+body]
	// Bytes that nobody asked for would be read as the next answer.
	resp.Close = h.close || c.pos < c.end
	return nil
}

// readHead reads header blocks until one is final; all together are bounded.
func (c *Conn) readHead() (head, error) {
	for {
		h, err := c.readBlock()
		if err != nil {
			return h, err
		}
		if h.status == http.StatusSwitchingProtocols {
			return h, malformed("switch of protocols that nobody asked for")
		}
		if h.status >= 200 {
			return h, nil
		}
	}
}

func (c *Conn) readBlock() (head, error) {
	h := head{length: -1}
	from, to, err := c.line(maxHeader - c.pos)
	if err != nil {
		return h, err
	}
	if err := h.statusLine(c.buf[from:to]); err != nil {
		return h, err
	}
	h.from = c.pos
	for {
		from, to, err := c.line(maxHeader - c.pos)
		if err != nil {
			return h, err
		}
		if from == to {
			h.to = from
			return h, nil
		}
		if err := h.field(c.buf[from:to]); err != nil {
			return h, err
		}
	}
}

// statusLine takes "HTTP/1.1 302 Found"; the reason may be missing.
func (h *head) statusLine(line []byte) error {
	if len(line) < 12 || string(line[:7]) != "HTTP/1." || line[8] != ' ' {
		return malformed("status line %.40q", line)
	}
	if len(line) > 12 && line[12] != ' ' {
		return malformed("status line %.40q", line)
	}
	status, ok := decimal(line[9:12], 999)
	if !ok || status < 100 || line[7] != '0' && line[7] != '1' {
		return malformed("status line %.40q", line)
	}
	h.status = status
	h.old = line[7] == '0'
	h.close = h.old
	return nil
}

func (h *head) field(line []byte) error {
	name, value, err := parseField(line)
	if err != nil {
		return err
	}
	switch len(name) {
	case len("Connection"):
		if equalFold(name, "connection") {
			h.connection(value)
		}
	case len("Content-Length"):
		if equalFold(name, "content-length") {
			return h.contentLength(value)
		}
	case len("Transfer-Encoding"):
		if equalFold(name, "transfer-encoding") {
			return h.transferEncoding(value)
		}
	}
	return nil
}

func parseField(line []byte) (name, value []byte, err error) {
	name, value, ok := cutField(line)
	if !ok || !isToken(name) || !isText(value) {
		return nil, nil, malformed("header line %.40q", line)
	}
	return name, value, nil
}

func (h *head) connection(value []byte) {
	for len(value) > 0 {
		var option []byte
		option, value, _ = bytes.Cut(value, []byte{','})
		option = trim(option)
		if equalFold(option, "close") {
			h.close = true
			return
		}
		if equalFold(option, "keep-alive") {
			h.close = false
		}
	}
}

// maxLength bounds a Content-Length before the limit on bodies does, so that
// adding to it cannot overflow.
const maxLength = 1 << 40

func (h *head) contentLength(value []byte) error {
	n, ok := decimal(value, maxLength)
	if !ok || h.length >= 0 && h.length != n {
		return malformed("content length %.40q", value)
	}
	h.length = n
	return nil
}

func (h *head) transferEncoding(value []byte) error {
	if h.chunked || !equalFold(value, "chunked") {
		return malformed("transfer encoding %.40q", value)
	}
	h.chunked = true
	return nil
}

// decimal reads digits only: no sign, no space, nothing above limit.
func decimal(b []byte, limit int) (int, bool) {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
		if n > limit {
			return 0, false
		}
	}
	return n, len(b) > 0
}

// isToken reports whether b is a header name or method of RFC 9110.
func isToken[T []byte | string](b T) bool {
	for i := range len(b) {
		if !tokenByte(b[i]) {
			return false
		}
	}
	return len(b) > 0
}

// isText reports whether b holds no control characters but tabs.
func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func tokenByte(c byte) bool {
	switch {
	case 'a' <= lower(c) && lower(c) <= 'z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}
