package amqp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Frame types (part 2, section 2.3).
const (
	frameAMQP = 0
	frameSASL = 1
)

var errFrame = errors.New("amqp: malformed frame")

// frame is one frame as it was read; body is valid until the next one.
type frame struct {
	kind    byte
	channel uint16
	body    []byte
}

// frameReader reads frames into one buffer that it uses again.
type frameReader struct {
	r   *bufio.Reader
	max uint32
	buf []byte
}

func (f *frameReader) next() (frame, error) {
	var h [8]byte
	if _, err := io.ReadFull(f.r, h[:]); err != nil {
		return frame{}, err
	}
	size := binary.BigEndian.Uint32(h[:])
	offset := uint32(h[4]) * 4
	if size < 8 || size > f.max || offset < 8 || offset > size {
		return frame{}, fmt.Errorf("%w: size %d, data offset %d, largest %d", errFrame, size, offset, f.max)
	}
	n := int(size - 8)
	if cap(f.buf) < n {
		f.buf = make([]byte, n)
	}
	body := f.buf[:n]
	if _, err := io.ReadFull(f.r, body); err != nil {
		return frame{}, err
	}
	return frame{h[5], binary.BigEndian.Uint16(h[6:]), body[offset-8:]}, nil
}

// appendFrame appends a frame around what fill appends.
func appendFrame(b []byte, kind byte, channel uint16, fill func([]byte) []byte) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, 2, kind, byte(channel>>8), byte(channel))
	b = fill(b)
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start)) // #nosec: bounded by the frame size
	return b
}

// appendPerformative appends a frame with one composite value.
func appendPerformative(b []byte, kind byte, channel uint16, code uint64, fields ...any) []byte {
	return appendFrame(b, kind, channel, func(b []byte) []byte {
		return encoding.AppendComposite(b, code, fields...)
	})
}
