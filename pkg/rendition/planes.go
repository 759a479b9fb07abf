package rendition

import "image"

// planes is a JPEG or lossy WebP as decoders leave it: luma, and chroma that is
// coarser.
//
// A channel is luma plus something that depends on chroma alone, so one table for
// each channel, indexed by that sum with two fraction bits, cuts it to the range
// and makes it linear.
type planes struct {
	img   *image.YCbCr
	t     *tables
	light [3][]uint16
	luma  [256]int32
	red   [256]int32 // of Cr, with lightOffset
	blue  [256]int32 // of Cb
	green [2][256]int32
}

const (
	lightBits   = 2
	lightOffset = 320 << lightBits // no chroma takes away more
	lightSize   = 920 << lightBits
)

// coding is how a format puts red, green and blue into luma and chroma.
type coding struct {
	black, scale                    float64 // of luma
	redCr, greenCb, greenCr, blueCb float64
}

// jfif is the coding of JPEG (JFIF 1.02): all 256 values are used.
func jfif() coding { return coding{0, 1, 1.402, -0.344136, -0.714136, 1.772} }

// video is the coding of lossy WebP (RFC 6386, 9.2; BT.601): black is 16 and white
// 235. The decoder hands the values on as they are.
func video() coding {
	return coding{16, 255.0 / 219, 1.596027, -0.391762, -0.812968, 2.017232}
}

func newPlanes(img *image.YCbCr, t *tables, as coding) *planes {
	p := &planes{img: img, t: t}
	for c := range p.light {
		p.light[c] = make([]uint16, lightSize)
		for i := range p.light[c] {
			v := max(0, min(float64(i-lightOffset)/(1<<lightBits), 255))
			low := int(v)
			high, rest := min(low+1, 255), v-float64(low)
			p.light[c][i] = uint16((1-rest)*float64(t.eight[c][low]) + rest*float64(t.eight[c][high]))
		}
	}
	for i := range 256 {
		c := float64(i-128) * (1 << lightBits)
		p.luma[i] = round(as.scale * (float64(i) - as.black) * (1 << lightBits))
		p.red[i], p.blue[i] = lightOffset+round(as.redCr*c), lightOffset+round(as.blueCb*c)
		p.green[0][i], p.green[1][i] = round(as.greenCb*c), lightOffset+round(as.greenCr*c)
	}
	return p
}

func round(x float64) int32 {
	if x < 0 {
		return int32(x - 0.5)
	}
	return int32(x + 0.5)
}

func (p *planes) size() (w, h, channels int) { return p.img.Rect.Dx(), p.img.Rect.Dy(), 3 }

func (p *planes) row(y int, dst []uint16) []uint16 {
	b := p.img.Rect
	luma := p.img.Y[p.img.YOffset(b.Min.X, b.Min.Y+y):][:b.Dx()]
	at := p.img.COffset(b.Min.X, b.Min.Y+y)
	cb, cr := p.img.Cb[at:], p.img.Cr[at:]
	switch p.img.SubsampleRatio {
	case image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio440:
		p.full(luma, cb, cr, dst)
	case image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420:
		p.halved(luma, cb, cr, dst)
	default:
		p.any(luma, y, dst)
	}
	if p.t.matrix != nil {
		for to := dst; len(to) >= 3; to = to[3:] {
			to[0], to[1], to[2] = p.t.primaries(to[0], to[1], to[2])
		}
	}
	return dst
}

// full has chroma for each pixel of a row.
func (p *planes) full(luma, cb, cr []byte, dst []uint16) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	red, green, blue := p.light[0], p.light[1], p.light[2]
	for x, l := range luma {
		v := p.luma[l]
		to := dst[3*x:][:3]
		to[0] = red[v+p.red[cr[x]]]
		to[1] = green[v+p.green[0][cb[x]]+p.green[1][cr[x]]]
		to[2] = blue[v+p.blue[cb[x]]]
	}
}

// halved has chroma for every second pixel of a row.
func (p *planes) halved(luma, cb, cr []byte, dst []uint16) {
	red, green, blue := (*[lightSize]uint16)(p.light[0]), (*[lightSize]uint16)(p.light[1]), (*[lightSize]uint16)(p.light[2])
	i := 0
	for len(luma) >= 2 && len(dst) >= 6 {
		r, g, b := p.red[cr[i]], p.green[0][cb[i]]+p.green[1][cr[i]], p.blue[cb[i]]
		v := p.luma[luma[0]]
		dst[0], dst[1], dst[2] = red[v+r], green[v+g], blue[v+b]
		v = p.luma[luma[1]]
		dst[3], dst[4], dst[5] = red[v+r], green[v+g], blue[v+b]
		luma, dst = luma[2:], dst[6:]
		i++
	}
	if len(luma) == 1 {
		p.full(luma, cb[i:], cr[i:], dst)
	}
}

// any asks for the place of each pixel's chroma.
func (p *planes) any(luma []byte, y int, dst []uint16) {
	b := p.img.Rect
	for x := range luma {
		at := p.img.COffset(b.Min.X+x, b.Min.Y+y)
		p.full(luma[x:x+1], p.img.Cb[at:], p.img.Cr[at:], dst[3*x:])
	}
}

// veiled is a lossy WebP with transparent parts.
type veiled struct {
	*planes
	img *image.NYCbCrA
}

func (v *veiled) size() (w, h, channels int) { return v.img.Rect.Dx(), v.img.Rect.Dy(), 4 }

func (v *veiled) row(y int, dst []uint16) []uint16 {
	w := v.img.Rect.Dx()
	plain := v.planes.row(y, dst[:3*w])
	alpha := v.img.A[v.img.AOffset(v.img.Rect.Min.X, v.img.Rect.Min.Y+y):]
	for x := w - 1; x >= 0; x-- { // from the end: four values take the place of three
		a := uint16(alpha[x]) * 0x101
		r, g, b := plain[3*x], plain[3*x+1], plain[3*x+2]
		dst[4*x], dst[4*x+1], dst[4*x+2], dst[4*x+3] = times(r, a), times(g, a), times(b, a), a
	}
	return dst
}
