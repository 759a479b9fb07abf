package rendition

import (
	"encoding/binary"
	"image"

	"golang.org/x/image/webp"
)

// lookWebP walks over the chunks. Of an animation, which the decoder does not
// know, the first frame is made a file of its own.
func lookWebP(data []byte) (Info, image.Config, error) {
	info := Info{Format: "webp", Frames: 1}
	var icc []byte
	frames, still := 0, false
	for kind, body := range riff(data[12:]) {
		switch kind {
		case "ICCP":
			icc = body
		case "EXIF":
			info.Orientation = orientation(body)
		case "VP8 ", "VP8L":
			still = true
		case "ANMF":
			if frames++; frames == 1 && len(body) > 16 {
				info.first = asStill(body)
			}
		}
	}
	if still {
		info.first = nil
	}
	file := data
	if info.first != nil {
		info.Frames, file = frames, info.first
	}
	c, err := header(file, webp.DecodeConfig)
	if err != nil {
		return info, c, err
	}
	info.Memory = int64(c.Width) * int64(c.Height) * 4 // what the decoder keeps beside
	if len(icc) > maxProfile {
		return info, c, refusef(TooLarge, "colour profile of more than %d bytes", maxProfile)
	}
	info.profile, err = parseProfile(icc)
	return info, c, err
}

// riff yields the chunks of a RIFF file: kind, length, body, padding to an even length.
func riff(data []byte) func(yield func(kind string, body []byte) bool) {
	return func(yield func(string, []byte) bool) {
		for len(data) >= 8 {
			n := binary.LittleEndian.Uint32(data[4:])
			if uint64(n) > uint64(len(data)-8) || !yield(string(data[:4]), data[8:8+n]) {
				return
			}
			data = data[min(len(data), 8+int(n)+int(n&1)):]
		}
	}
}

// asStill wraps the image data of an animation's frame (place, size, duration:
// 16 bytes, then chunks) as a WebP file.
func asStill(frame []byte) []byte {
	at, alpha := frame[16:], false
	for kind := range riff(at) {
		alpha = alpha || kind == "ALPH"
	}
	body := []byte("WEBP")
	if alpha { // the extended header: flags, and the frame's own size
		body = append(body, "VP8X\x0a\x00\x00\x00\x10\x00\x00\x00"...)
		body = append(body, frame[6:12]...)
	}
	body = append(body, at...)
	file := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body)))
	return append(file, body...)
}
