package http1

import (
	"bytes"
	"fmt"
	"net/http"
)

// maxChunkLine bounds the line that holds a chunk's size and extensions.
const maxChunkLine = 256

// readBody returns the length of the body, which then starts behind the headers.
func (c *Conn) readBody(h head, isHead bool) (int, error) {
	switch {
	case h.chunked && h.length >= 0:
		return 0, malformed("both a content length and chunks")
	case h.chunked && h.old:
		return 0, malformed("chunks in HTTP/1.0, which has none")
	case isHead, h.status == http.StatusNoContent, h.status == http.StatusNotModified:
		return 0, nil
	case h.chunked:
		return c.readChunks()
	case h.length >= 0:
		return h.length, c.readLength(h.length)
	}
	// Without either, the body would end with the connection, and a cut one
	// could not be told from a whole one.
	return 0, malformed("neither a content length nor chunks")
}

func (c *Conn) readLength(n int) error {
	if n > c.maxBody {
		return c.bodyTooLarge()
	}
	start := c.pos
	c.room(start + n)
	for c.end < start+n {
		if err := c.fill(); err != nil {
			return err
		}
	}
	c.pos = start + n
	return nil
}

func (c *Conn) bodyTooLarge() error {
	return &Error{Kind: TooLarge, Err: fmt.Errorf("body of more than %d bytes", c.maxBody)}
}

// readChunks joins the chunks where the body starts and returns its length.
func (c *Conn) readChunks() (int, error) {
	start, n := c.pos, 0
	overhead := maxHeader
	for {
		before := c.pos
		size, err := c.chunkSize()
		if err != nil {
			return 0, err
		}
		if size == 0 {
			return n, c.trailers()
		}
		if size > c.maxBody-n {
			return 0, c.bodyTooLarge()
		}
		// Many tiny chunks with long extensions are an attack, not a body.
		overhead += 16*size - (c.pos - before)
		if overhead < 0 {
			return 0, malformed("more chunk framing than body")
		}
		if err := c.joinChunk(start+n, size); err != nil {
			return 0, err
		}
		n += size
	}
}

func (c *Conn) chunkSize() (int, error) {
	from, to, err := c.line(maxChunkLine)
	if err != nil {
		return 0, err
	}
	digits, _, _ := bytes.Cut(c.buf[from:to], []byte{';'})
	digits = trim(digits)
	size, ok := hexadecimal(digits)
	if !ok {
		return 0, malformed("chunk size %.40q", digits)
	}
	return size, nil
}

// joinChunk moves the next size bytes to offset at, then drops the framing
// between them and what follows, so the buffer holds the body and not its frames.
func (c *Conn) joinChunk(at, size int) error {
	c.drop(at)
	c.room(at + size + 2)
	for c.end < at+size+2 {
		if err := c.fill(); err != nil {
			return err
		}
	}
	if string(c.buf[at+size:at+size+2]) != "\r\n" {
		return malformed("chunk longer than its size")
	}
	c.pos = at + size + 2
	return nil
}

// drop moves what is not yet parsed down to offset at.
func (c *Conn) drop(at int) {
	copy(c.buf[at:], c.buf[c.pos:c.end])
	c.end -= c.pos - at
	c.pos = at
}

// trailers skips the fields after the last chunk.
func (c *Conn) trailers() error {
	start := c.pos
	for {
		from, to, err := c.line(maxHeader - (c.pos - start))
		if err != nil || from == to {
			return err
		}
		if _, _, err := parseField(c.buf[from:to]); err != nil {
			return err
		}
	}
}

func hexadecimal(b []byte) (int, bool) {
	n := 0
	for _, c := range b {
		d, ok := hexDigit(c)
		if !ok || n > maxLength {
			return 0, false
		}
		n = n<<4 | d
	}
	return n, len(b) > 0
}

func hexDigit(c byte) (int, bool) {
	switch c = lower(c); {
	case '0' <= c && c <= '9':
		return int(c - '0'), true
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10, true
	}
	return 0, false
}
