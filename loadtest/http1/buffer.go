package http1

import "bytes"

// line returns the offsets of the next line without its CRLF and moves past it.
// It reads no more than limit bytes for it.
func (c *Conn) line(limit int) (from, to int, err error) {
	scanned := c.pos
	for {
		if i := bytes.IndexByte(c.buf[scanned:c.end], '\n'); i >= 0 {
			return c.endLine(scanned+i, limit)
		}
		if c.end-c.pos >= limit {
			return 0, 0, &Error{Kind: TooLarge, Err: errTooLong}
		}
		scanned = c.end
		if err := c.fill(); err != nil {
			return 0, 0, err
		}
	}
}

func (c *Conn) endLine(newline, limit int) (from, to int, err error) {
	from, to = c.pos, newline-1
	if newline-c.pos >= limit {
		return 0, 0, &Error{Kind: TooLarge, Err: errTooLong}
	}
	if to < from || c.buf[to] != '\r' {
		return 0, 0, malformed("line ends without a carriage return")
	}
	c.pos = newline + 1
	return from, to, nil
}

// fill reads once from the connection, into a larger buffer if this one is full.
// Its callers bound how far it grows.
func (c *Conn) fill() error {
	c.room(c.end + 1)
	n, err := c.nc.Read(c.buf[c.end:])
	c.end += n
	if n > 0 {
		return nil // an error comes again with the next read
	}
	if c.end > 0 {
		return cut(err)
	}
	return err
}

// room makes the buffer at least n bytes long. It at least doubles, so a
// connection soon stops growing.
func (c *Conn) room(n int) {
	if n <= len(c.buf) {
		return
	}
	grown := make([]byte, max(n, 2*len(c.buf)))
	copy(grown, c.buf[:c.end])
	c.buf = grown
}
