package rendition

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"io"
)

func lookPNG(data []byte) (Info, image.Config, error) {
	info := Info{Format: "png", Frames: 1}
	c, err := header(data, png.DecodeConfig)
	if err != nil {
		return info, c, err
	}
	var icc []byte
	for kind, body := range chunks(data[8:]) {
		switch {
		case kind == "iCCP":
			if icc, err = inflated(body); err != nil {
				return info, c, err
			}
		case kind == "eXIf":
			info.Orientation = orientation(body)
		case kind == "acTL" && len(body) >= 8:
			info.Frames = int(min(binary.BigEndian.Uint32(body), 1<<30))
		case kind == "IHDR" && len(body) >= 13 && body[12] == 1: // interlaced: a pass is kept beside the whole
			info.Memory = int64(c.Width) * int64(c.Height) * bytesPerPixel(c.ColorModel)
		}
	}
	if c.ColorModel == color.Gray16Model || c.ColorModel == color.GrayModel {
		icc = nil // a gray profile says little more than a curve close to ours
	}
	info.profile, err = parseProfile(icc)
	return info, c, err
}

// chunks yields the chunks of a PNG up to IEND: length, kind, body, checksum.
func chunks(data []byte) func(yield func(kind string, body []byte) bool) {
	const checksum = 4
	return func(yield func(string, []byte) bool) {
		for len(data) >= 8 {
			n := binary.BigEndian.Uint32(data)
			kind := string(data[4:8])
			if uint64(n)+checksum > uint64(len(data)-8) || !yield(kind, data[8:8+n]) || kind == "IEND" {
				return
			}
			data = data[8+int(n)+checksum:]
		}
	}
}

// inflated returns the profile of an iCCP chunk: name, zero, method, zlib data.
func inflated(body []byte) ([]byte, error) {
	_, rest, found := bytes.Cut(body, []byte{0})
	if !found || len(rest) < 1 {
		return nil, refusef(Corrupt, "iCCP chunk without a name")
	}
	z, err := zlib.NewReader(bytes.NewReader(rest[1:]))
	if err != nil {
		return nil, refusef(Corrupt, "iCCP chunk: %v", err)
	}
	raw, err := io.ReadAll(io.LimitReader(z, maxProfile+1))
	if err != nil {
		return nil, refusef(Corrupt, "iCCP chunk: %v", err)
	}
	if len(raw) > maxProfile {
		return nil, refusef(TooLarge, "colour profile of more than %d bytes", maxProfile)
	}
	return raw, nil
}
