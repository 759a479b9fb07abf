package journal

import (
	"crypto/rand"
	"encoding/binary"
	"hash/crc32"
	"strconv"
	"strings"
)

// A file starts with 36 bytes:
//
//	magic · number u64 · sequence of its first frame u64 · salt u64 · CRC-32C u32
//
// They are synced before the first frame is written.
const (
	magic    = "journal1"
	preamble = len(magic) + 8 + 8 + 8 + 4
)

const (
	segmentSuffix    = ".log"
	checkpointSuffix = ".checkpoint"
	temporarySuffix  = ".tmp"
)

type start struct{ number, seq, salt uint64 }

func (s start) encode() []byte {
	b := append(make([]byte, 0, preamble), magic...)
	b = binary.LittleEndian.AppendUint64(b, s.number)
	b = binary.LittleEndian.AppendUint64(b, s.seq)
	b = binary.LittleEndian.AppendUint64(b, s.salt)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

func decodeStart(b []byte) (start, bool) {
	if len(b) < preamble || string(b[:len(magic)]) != magic {
		return start{}, false
	}
	sum := crc32.Checksum(b[:preamble-4], crc32.MakeTable(crc32.Castagnoli))
	if binary.LittleEndian.Uint32(b[preamble-4:]) != sum {
		return start{}, false
	}
	return start{
		number: binary.LittleEndian.Uint64(b[8:]),
		seq:    binary.LittleEndian.Uint64(b[16:]),
		salt:   binary.LittleEndian.Uint64(b[24:]),
	}, true
}

func newSalt() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

// fileName pads the number, so that names sort as numbers do.
func fileName(number uint64, suffix string) string {
	s := strconv.FormatUint(number, 10)
	return strings.Repeat("0", max(0, 20-len(s))) + s + suffix
}

func fileNumber(name, suffix string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}
