package imagehall

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// pngHeader is the signature and IHDR.
const pngHeader = 8 + 25

// chunk is a PNG chunk with its checksum.
func chunk(kind string, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	out = append(out, kind...)
	out = append(out, body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// withChunk puts a chunk after a PNG's header.
func withChunk(png []byte, kind string, body []byte) []byte {
	return bytes.Join([][]byte{png[:pngHeader], chunk(kind, body), png[pngHeader:]}, nil)
}

// header is a PNG's beginning that says this size, with whatever follows.
func header(w, h uint32, depth, colour byte, rest ...[]byte) []byte {
	body := binary.BigEndian.AppendUint32(nil, w)
	body = binary.BigEndian.AppendUint32(body, h)
	body = append(body, depth, colour, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", body)...)
	for _, r := range rest {
		out = append(out, r...)
	}
	return append(out, chunk("IEND", nil)...)
}

// deflated compresses n bytes of zero, which takes a thousandth of them.
func deflated(n int64) []byte {
	return encoded(func(b *bytes.Buffer) error {
		z := zlib.NewWriter(b)
		if _, err := io.CopyN(z, zeros{}, n); err != nil {
			return err
		}
		return z.Close()
	})
}

// zeros reads zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
