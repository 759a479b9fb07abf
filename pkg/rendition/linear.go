package rendition

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
)

// linear is an image in linear light: 16 bits a channel, red, green, blue, and
// with four channels alpha, by which the others are multiplied then.
type linear struct {
	w, h, channels int
	pix            []uint16
}

// row implements source.
func (l *linear) row(y int, _ []uint16) []uint16 {
	n := l.w * l.channels
	return l.pix[y*n : (y+1)*n]
}

func (l *linear) size() (w, h, channels int) { return l.w, l.h, l.channels }

// oriented returns the image as EXIF's orientation (1 to 8) wants it seen.
func (l *linear) oriented(orientation int) *linear {
	if orientation == 1 {
		return l
	}
	turned := &linear{w: l.w, h: l.h, channels: l.channels, pix: make([]uint16, len(l.pix))}
	if orientation >= 5 {
		turned.w, turned.h = l.h, l.w
	}
	for y := range turned.h {
		for x := range turned.w {
			fromX, fromY := stored(orientation, x, y, l.w, l.h)
			from, to := (fromY*l.w+fromX)*l.channels, (y*turned.w+x)*l.channels
			copy(turned.pix[to:to+l.channels], l.pix[from:])
		}
	}
	return turned
}

// stored returns which stored pixel of w by h is seen at x, y.
func stored(orientation, x, y, w, h int) (int, int) {
	switch orientation {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, h - 1 - x
	case 7:
		return w - 1 - y, h - 1 - x
	case 8:
		return w - 1 - y, x
	}
	return x, y
}

// quality of the JPEG copies.
const quality = 82

// encode returns JPEG, or PNG if there is an alpha channel, in sRGB.
func (l *linear) encode() (contentType string, data []byte, err error) {
	var b bytes.Buffer
	table := encodeTable()
	if l.channels == 3 {
		err = jpeg.Encode(&b, l.opaque(table), &jpeg.Options{Quality: quality})
		return "image/jpeg", b.Bytes(), err
	}
	err = png.Encode(&b, l.transparent(table))
	return "image/png", b.Bytes(), err
}

func (l *linear) opaque(table []uint8) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, l.w, l.h))
	to := img.Pix
	for from := l.pix; len(from) >= 3 && len(to) >= 4; from, to = from[3:], to[4:] {
		to[0], to[1], to[2], to[3] = table[from[0]>>2], table[from[1]>>2], table[from[2]>>2], 0xff
	}
	return img
}

func (l *linear) transparent(table []uint8) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, l.w, l.h))
	to := img.Pix
	for from := l.pix; len(from) >= 4 && len(to) >= 4; from, to = from[4:], to[4:] {
		alpha := uint32(from[3])
		if alpha == 0 {
			continue
		}
		for c := range 3 {
			to[c] = table[min(uint32(from[c])*0xffff/alpha, 0xffff)>>2]
		}
		to[3] = uint8((alpha*0xff + 0x7fff) / 0xffff)
	}
	return img
}

// encodeTable takes linear light of 14 bits to sRGB of 8.
func encodeTable() []uint8 {
	table := make([]uint8, 1<<14)
	for i := range table {
		table[i] = uint8(toSRGB((float64(i)+0.5)/(1<<14))*255 + 0.5)
	}
	return table
}
