package imagehall

import (
	"encoding/binary"
	"fmt"
	"image/color"
)

// upright are pictures that are stored in another way than they are to be seen.
func upright() []Exhibit {
	// Where each stored quadrant is seen: of orientation 6, for example, the stored
	// lower left one comes to the upper left.
	seen := [9][4]int{{}, {0, 1, 2, 3}, {1, 0, 3, 2}, {3, 2, 1, 0}, {2, 3, 0, 1}, {0, 2, 1, 3}, {2, 0, 3, 1}, {3, 1, 2, 0}, {1, 3, 0, 2}}
	var all []Exhibit
	for o := 1; o <= 8; o++ {
		e := good(fmt.Sprintf("orientation-%d.jpg", o), fmt.Sprintf("EXIF orientation %d: copies without it stand wrong", o), withAPP(asJPEG(plain()), 0xe1, exif(o)))
		if o >= 5 {
			e.Width, e.Height = height, width
		}
		stored := Quadrants()
		for i, from := range seen[o] {
			e.Quadrants[i] = stored[from]
		}
		e.Absent = secret
		all = append(all, e)
	}
	return append(all, odd()...)
}

func odd() []Exhibit {
	e := good("orientation-99.jpg", "EXIF orientation 99: as if there were none", withAPP(asJPEG(plain()), 0xe1, exif(99)))
	loop := good("exif-loop.jpg", "EXIF whose directory is beyond its end: as if there were none",
		withAPP(asJPEG(plain()), 0xe1, []byte("Exif\x00\x00II\x2a\x00\xff\xff\xff\xff")))
	six := good("orientation-6.png", "orientation in a PNG's eXIf chunk", withChunk(asPNG(plain()), "eXIf", exif(6)[6:]))
	six.Width, six.Height = height, width
	q := Quadrants()
	six.Quadrants = [4]color.NRGBA{q[2], q[0], q[3], q[1]}
	return []Exhibit{e, loop, six}
}

// exif is an APP1 body with one orientation, and a place that copies must not tell.
func exif(orientation int) []byte {
	b := []byte("Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x02")
	b = append(b, "\x01\x12\x00\x03\x00\x00\x00\x01"...) // orientation, one short
	b = binary.BigEndian.AppendUint16(b, uint16(orientation))
	b = append(b, 0, 0)
	b = append(b, "\x01\x0e\x00\x02"...) // description, text
	b = binary.BigEndian.AppendUint32(b, uint32(len(secret)))
	b = binary.BigEndian.AppendUint32(b, 38) // after the two entries
	b = append(b, 0, 0, 0, 0)
	return append(b, secret...)
}

// withAPP puts a segment after a JPEG's first marker.
func withAPP(jpeg []byte, marker byte, body []byte) []byte {
	out := append([]byte{}, jpeg[:2]...)
	out = append(out, 0xff, marker)
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)+2))
	out = append(out, body...)
	return append(out, jpeg[2:]...)
}
