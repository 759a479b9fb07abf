package encoding

// Skip returns what follows the first value of b, without looking into it.
func Skip(b []byte) (rest []byte, err error) { return skip(b, 0) }

func skip(b []byte, depth int) ([]byte, error) {
	switch {
	case depth > maxDepth:
		return nil, ErrDeep
	case len(b) == 0:
		return nil, ErrShort
	case b[0] != 0:
		_, rest, err := cut(b[0], b[1:])
		return rest, err
	}
	b, err := skip(b[1:], depth+1)
	if err != nil {
		return nil, err
	}
	return skip(b, depth+1)
}

// Elements returns the encoded elements of the list or map that begins b, and
// their number (keys and values both count), without decoding them.
func Elements(b []byte) (elements []byte, n int, err error) {
	if len(b) == 0 {
		return nil, 0, ErrShort
	}
	code := b[0]
	if code == 0x45 || code == 0x40 {
		return nil, 0, nil
	}
	if code>>4 != 0xc && code>>4 != 0xd {
		return nil, 0, ErrNotFound
	}
	body, _, err := cut(code, b[1:])
	if err != nil {
		return nil, 0, err
	}
	n, body, err = count(code, body)
	if err == nil && n > len(body) {
		err = ErrLength
	}
	return body, n, err
}
