package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// A frame is a header of 17 bytes and a payload:
//
//	length u32 · CRC-32C u32 · sequence u64 · kind u8 · payload
//
// The checksum covers the file's salt, the rest of the header and the payload.
// The salt is random, so bytes that a client sent never pass for a frame.
// The payload is a row of records, each behind its length as a uvarint.
const headerSize = 4 + 4 + 8 + 1

const (
	kindRecords = 1
	kindEnd     = 2 // last in a checkpoint, with an empty payload
)

// errDamaged is what a frame reader finds where no frame is; Open decides
// whether that is a torn end or rot.
var errDamaged = errors.New("no valid frame")

// seal fills in the header of a frame whose payload is in place.
func seal(frame []byte, salt, seq uint64, kind byte) {
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-headerSize))
	binary.LittleEndian.PutUint64(frame[8:], seq)
	frame[16] = kind
	binary.LittleEndian.PutUint32(frame[4:], checksum(frame, salt))
}

// checksum is that of a whole frame, its own field left out.
func checksum(frame []byte, salt uint64) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	var salted [8 + 4]byte
	binary.LittleEndian.PutUint64(salted[:], salt)
	copy(salted[8:], frame[:4])
	return crc32.Update(crc32.Update(0, table, salted[:]), table, frame[8:])
}

// frameReader reads frames in sequence.
type frameReader struct {
	r      io.Reader
	salt   uint64
	seq    uint64 // of the next frame
	offset int64  // of the next frame
	buffer []byte
}

// next returns the payload of the next frame, valid until the next call, and
// its kind; io.EOF after the last whole frame, errDamaged where none is.
func (f *frameReader) next() ([]byte, byte, error) {
	frame, err := f.frame()
	if err != nil {
		return nil, 0, err
	}
	if binary.LittleEndian.Uint64(frame[8:]) != f.seq || binary.LittleEndian.Uint32(frame[4:]) != checksum(frame, f.salt) {
		return nil, 0, errDamaged
	}
	f.seq++
	f.offset += int64(len(frame))
	return frame[headerSize:], frame[16], nil
}

func (f *frameReader) frame() ([]byte, error) {
	f.buffer = grow(f.buffer, headerSize)
	if _, err := io.ReadFull(f.r, f.buffer); err != nil {
		return nil, short(err)
	}
	length := int(binary.LittleEndian.Uint32(f.buffer))
	if length > maxFrame {
		return nil, errDamaged
	}
	f.buffer = grow(f.buffer, headerSize+length)
	if _, err := io.ReadFull(f.r, f.buffer[headerSize:]); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errDamaged
		}
		return nil, short(err)
	}
	return f.buffer, nil
}

// short keeps io.EOF between frames apart from an end inside one.
func short(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errDamaged
	}
	return err
}

func grow(b []byte, n int) []byte {
	if cap(b) >= n {
		return b[:n]
	}
	return append(make([]byte, 0, n+n/4), b...)[:n]
}

// records calls f with each record of a payload.
func records(payload []byte, f func(record []byte) error) error {
	for len(payload) > 0 {
		length, n := binary.Uvarint(payload)
		if n <= 0 || length > uint64(len(payload)-n) {
			return errDamaged
		}
		end := n + int(length)
		if err := f(payload[n:end:end]); err != nil {
			return err
		}
		payload = payload[end:]
	}
	return nil
}

// validFollows reports whether a whole frame with a sequence after seq starts
// anywhere in rest: then what stands before it had been synced.
func validFollows(rest []byte, salt, seq uint64) bool {
	for at := 0; at+headerSize <= len(rest); at++ {
		found := binary.LittleEndian.Uint64(rest[at+8:])
		length := int(binary.LittleEndian.Uint32(rest[at:]))
		if found <= seq || found-seq > uint64(len(rest)) || length > len(rest)-at-headerSize {
			continue
		}
		r := frameReader{r: bytes.NewReader(rest[at:]), salt: salt, seq: found}
		if _, _, err := r.next(); err == nil {
			return true
		}
	}
	return false
}
