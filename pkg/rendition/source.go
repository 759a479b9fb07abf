package rendition

import (
	"image"
	"image/color"
)

// A source gives rows of linear light, from top to bottom. The row it returns may
// be dst, which has room for one, and is read before the next is asked for.
type source interface {
	size() (w, h, channels int)
	row(y int, dst []uint16) []uint16
}

// newSource returns what the decoder made as linear sRGB. Kinds that are common
// have a way of their own, all others go through 16 bits a pixel.
func newSource(img image.Image, info Info) (source, error) {
	t := newTables(info.profile)
	as := jfif()
	if info.Format == "webp" {
		as = video()
	}
	switch img := img.(type) {
	case *image.YCbCr:
		return newPlanes(img, t, as), nil
	case *image.NYCbCrA:
		return &veiled{newPlanes(&img.YCbCr, t, as), img}, nil
	case *image.CMYK:
		if info.profile != nil {
			return nil, refusef(UnsupportedProfile, "a profile for RGB in an image of four inks")
		}
	case *image.Gray:
		return &grays{img, t}, nil
	}
	if img, ok := img.(image.RGBA64Image); ok {
		return &deep{img: img, tables: t, channels: channels(img)}, nil
	}
	return nil, refusef(UnsupportedFormat, "pixels of %T", img)
}

// channels returns 3 for an image without a transparent pixel, else 4.
func channels(img image.Image) int {
	if o, ok := img.(interface{ Opaque() bool }); ok && !o.Opaque() {
		return 4
	}
	return 3
}

// grays is a gray image of 8 bits.
type grays struct {
	img    *image.Gray
	tables *tables
}

func (g *grays) size() (w, h, channels int) { return g.img.Rect.Dx(), g.img.Rect.Dy(), 3 }

func (g *grays) row(y int, dst []uint16) []uint16 {
	from := g.img.Pix[y*g.img.Stride:]
	for x := range g.img.Rect.Dx() {
		v := g.tables.eight[0][from[x]]
		dst[3*x], dst[3*x+1], dst[3*x+2] = v, v, v
	}
	return dst
}

// deep is any image, by way of 16 bits a channel.
type deep struct {
	img      image.RGBA64Image
	tables   *tables
	channels int
}

func (d *deep) size() (w, h, channels int) {
	b := d.img.Bounds()
	return b.Dx(), b.Dy(), d.channels
}

func (d *deep) row(y int, dst []uint16) []uint16 {
	b := d.img.Bounds()
	to := dst
	for x := b.Min.X; x < b.Max.X; x++ {
		c := d.img.RGBA64At(x, b.Min.Y+y)
		r, g, bl := d.tables.linear(straight(c))
		if d.channels == 3 {
			to[0], to[1], to[2] = r, g, bl
			to = to[3:]
			continue
		}
		to[0], to[1], to[2], to[3] = times(r, c.A), times(g, c.A), times(bl, c.A), c.A
		to = to[4:]
	}
	return dst
}

// straight undoes the multiplication by alpha: light has to be made linear first.
func straight(c color.RGBA64) (r, g, b uint16) {
	if c.A == 0xffff || c.A == 0 {
		return c.R, c.G, c.B
	}
	undo := func(v uint16) uint16 { return uint16(min(uint32(v)*0xffff/uint32(c.A), 0xffff)) }
	return undo(c.R), undo(c.G), undo(c.B)
}

func times(v, alpha uint16) uint16 { return uint16((uint32(v)*uint32(alpha) + 0x7fff) / 0xffff) }
