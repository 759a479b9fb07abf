package encoding

// Check returns what follows the first value of b if Decode would accept it,
// and allocates nothing.
func Check(b []byte) (rest []byte, err error) { return check(b, 0) }

func check(b []byte, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, ErrDeep
	}
	if len(b) == 0 {
		return nil, ErrShort
	}
	if b[0] != 0 {
		return checkValue(b[0], b[1:], depth)
	}
	b, err := check(b[1:], depth+1)
	if err != nil {
		return nil, err
	}
	return check(b, depth+1)
}

func checkValue(code byte, b []byte, depth int) ([]byte, error) {
	body, rest, err := cut(code, b)
	if err != nil {
		return nil, err
	}
	switch code >> 4 {
	case 0xa, 0xb:
		if c := code & 0x0f; c != 0 && c != 1 && c != 3 {
			err = ErrCode
		}
	case 0xc, 0xd:
		err = checkCompound(code, body, depth)
	case 0xe, 0xf:
		err = checkArray(code, body, depth)
	default:
		if !knownFixed(code) {
			err = ErrCode
		}
	}
	if err != nil {
		return nil, err
	}
	return rest, nil
}

func knownFixed(code byte) bool {
	switch code {
	case 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x60, 0x61,
		0x70, 0x71, 0x72, 0x73, 0x74, 0x80, 0x81, 0x82, 0x83, 0x84, 0x94, 0x98:
		return true
	}
	return false
}

func checkCompound(code byte, b []byte, depth int) error {
	n, b, err := count(code, b)
	isMap := code&0x0f == 1
	switch {
	case err != nil:
		return err
	case n > len(b) || isMap && n%2 != 0:
		return ErrLength
	case code&0x0f > 1:
		return ErrCode
	}
	for range n {
		if b, err = check(b, depth+1); err != nil {
			return err
		}
	}
	if len(b) > 0 {
		return ErrLength
	}
	return nil
}

func checkArray(code byte, b []byte, depth int) error {
	if code&0x0f != 0 {
		return ErrCode
	}
	n, b, err := count(code, b)
	if err != nil {
		return err
	}
	if depth >= maxDepth {
		return ErrDeep
	}
	if len(b) > 0 && b[0] == 0 {
		if b, err = check(b[1:], depth+1); err != nil {
			return err
		}
	}
	if len(b) == 0 {
		return ErrShort
	}
	elem := b[0]
	b = b[1:]
	if n > len(b) && (elem>>4 != 4 || n > maxEmpty) {
		return ErrLength
	}
	for range n {
		if b, err = checkValue(elem, b, depth+1); err != nil {
			return err
		}
	}
	if len(b) > 0 {
		return ErrLength
	}
	return nil
}
