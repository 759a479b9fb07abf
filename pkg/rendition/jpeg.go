package rendition

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
)

// Markers of JPEG (ITU-T T.81, table B.1).
const (
	markerSOF2 = 0xc2 // progressive
	markerSOI  = 0xd8
	markerEOI  = 0xd9
	markerSOS  = 0xda
	markerAPP1 = 0xe1
	markerAPP2 = 0xe2
	markerRST0 = 0xd0
	markerRST7 = 0xd7
)

// lookJPEG walks over the segments, and over the coded data between them.
func lookJPEG(data []byte, l Limits) (Info, image.Config, error) {
	info := Info{Format: "jpeg", Frames: 1}
	c, err := header(data, jpeg.DecodeConfig)
	if err != nil {
		return info, c, err
	}
	var icc iccChunks
	progressive, scans, components := false, 0, 0
	for marker, body := range segments(data) {
		switch {
		case marker == markerSOS:
			scans++
		case marker >= 0xc0 && marker <= markerSOF2 && len(body) > 5:
			progressive, components = marker == markerSOF2, int(body[5])
		case marker == markerAPP1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")):
			info.Orientation = orientation(body[6:])
		case marker == markerAPP2 && bytes.HasPrefix(body, []byte("ICC_PROFILE\x00")):
			icc.add(body[12:])
		}
	}
	if scans > l.Scans {
		return info, c, refusef(TooComplex, "%d scans, limit %d", scans, l.Scans)
	}
	if progressive { // all coefficients are kept, 4 bytes each
		info.Memory = 4 * int64(components) * int64(c.Width+16) * int64(c.Height+16)
	}
	info.profile, err = parseProfile(icc.joined())
	return info, c, err
}

// segments yields each marker with its body, and goes past coded data.
func segments(data []byte) func(yield func(marker byte, body []byte) bool) {
	return func(yield func(byte, []byte) bool) {
		for at := 2; at+4 <= len(data); {
			next := bytes.IndexByte(data[at:], 0xff)
			if next < 0 || at+next+4 > len(data) {
				return
			}
			at += next + 1
			marker := data[at]
			switch {
			case marker == 0xff: // fill
				continue
			case marker == 0, marker >= markerRST0 && marker <= markerRST7, marker == markerSOI, marker == 1: // no body
				at++
				continue
			case marker == markerEOI: // whatever follows is no part of the image
				return
			}
			n := int(binary.BigEndian.Uint16(data[at+1:]))
			if n < 2 || at+1+n > len(data) || !yield(marker, data[at+3:at+1+n]) {
				return
			}
			at += 1 + n
		}
	}
}

// iccChunks are the pieces of a profile, each of which says which of how many it
// is (ICC.1:2022, annex B.4).
type iccChunks struct {
	pieces map[byte][]byte
	bytes  int
}

func (c *iccChunks) add(body []byte) {
	if len(body) < 2 || c.bytes+len(body) > maxProfile {
		return
	}
	if c.pieces == nil {
		c.pieces = map[byte][]byte{}
	}
	c.pieces[body[0]] = body[2:]
	c.bytes += len(body)
}

func (c *iccChunks) joined() []byte {
	var whole []byte
	for i := 1; i <= len(c.pieces); i++ {
		whole = append(whole, c.pieces[byte(i)]...)
	}
	return whole
}
