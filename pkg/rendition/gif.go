package rendition

import (
	"image"
	"image/draw"
	"image/gif"
)

func lookGIF(data []byte) (Info, image.Config, error) {
	info := Info{Format: "gif"}
	c, err := header(data, gif.DecodeConfig)
	if err != nil {
		return info, c, err
	}
	info.Frames = max(1, gifFrames(data))
	return info, c, nil
}

// gifFrames counts image descriptors without decompressing anything. It counts
// what is whole; a file that is cut off fails in the decoder.
func gifFrames(data []byte) (n int) {
	at := 13 + gifTable(data[10])
	for at < len(data) {
		switch data[at] {
		case 0x21: // extension: label, blocks
			at = gifBlocks(data, at+2)
		case 0x2c: // image: place and size, table, code size, blocks
			if at+9 >= len(data) {
				return n
			}
			n++
			at = gifBlocks(data, at+11+gifTable(data[at+9]))
		default:
			return n
		}
	}
	return n
}

// gifTable returns the bytes of the colour table that packed flags announce.
func gifTable(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

func gifBlocks(data []byte, at int) int {
	for at < len(data) && data[at] != 0 {
		at += int(data[at]) + 1
	}
	return at + 1
}

// onCanvas puts the first frame of a GIF where it belongs; it may be smaller than
// the whole.
func onCanvas(frame image.Image, w, h int) image.Image {
	whole := image.Rect(0, 0, w, h)
	if frame.Bounds() == whole {
		return frame
	}
	canvas := image.NewNRGBA(whole)
	draw.Draw(canvas, frame.Bounds(), frame, frame.Bounds().Min, draw.Src)
	return canvas
}
