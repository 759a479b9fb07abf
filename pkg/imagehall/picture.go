package imagehall

import (
	"bytes"
	"embed"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
)

// What Go's encoders cannot make, by made/make.py.
//
//go:embed made/*.jpg made/*.png made/*.webp
var made embed.FS

func file(name string) []byte {
	data, err := made.ReadFile("made/" + name)
	if err != nil {
		panic(err) // it is embedded
	}
	return data
}

// encoded panics for what cannot fail: an encoder that writes a picture of ours
// to memory.
func encoded(write func(b *bytes.Buffer) error) []byte {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func asJPEG(img image.Image) []byte {
	return encoded(func(b *bytes.Buffer) error { return jpeg.Encode(b, img, &jpeg.Options{Quality: 92}) })
}

func asPNG(img image.Image) []byte {
	return encoded(func(b *bytes.Buffer) error { return png.Encode(b, img) })
}

func asGIF(frames ...*image.Paletted) []byte {
	g := &gif.GIF{Config: image.Config{Width: width, Height: height}}
	for _, f := range frames {
		g.Image, g.Delay = append(g.Image, f), append(g.Delay, 10)
	}
	return encoded(func(b *bytes.Buffer) error { return gif.EncodeAll(b, g) })
}

// picture draws the four quadrants on any image.
func picture[T draw.Image](img T) T {
	b := img.Bounds()
	for i, c := range Quadrants() {
		x, y := b.Min.X+i%2*b.Dx()/2, b.Min.Y+i/2*b.Dy()/2
		draw.Draw(img, image.Rect(x, y, x+b.Dx()/2, y+b.Dy()/2), image.NewUniform(c), image.Point{}, draw.Src)
	}
	return img
}

func frame() image.Rectangle { return image.Rect(0, 0, width, height) }

func plain() *image.NRGBA { return picture(image.NewNRGBA(frame())) }

func palette() color.Palette {
	p := color.Palette{color.NRGBA{}}
	for _, c := range Quadrants() {
		p = append(p, c)
	}
	return p
}

func paletted() *image.Paletted { return picture(image.NewPaletted(frame(), palette())) }

// Scenery is a picture for measuring: edges, gradients and a little noise, with
// chroma of half the resolution, as a camera stores it. Different seeds differ in
// noise and colour.
func Scenery(w, h int, seed uint64) *image.YCbCr {
	img := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	noise := rand.New(rand.NewPCG(seed, 2))
	for y := range h {
		fy := float64(y) / float64(h)
		for x := range w {
			fx := float64(x) / float64(w)
			v := 110 + 60*math.Sin(40*fx*fy) + 40*math.Sin(90*fx)*math.Cos(70*fy)
			if math.Hypot(fx-0.5, fy-0.5) < 0.2 {
				v = 255 - v
			}
			img.Y[img.YOffset(x, y)] = uint8(max(0, min(255, v+noise.NormFloat64()*4)))
		}
	}
	tint := 2 * math.Pi * float64(seed%8) / 8
	for i := range img.Cb {
		fx, fy := float64(i%img.CStride)/float64(img.CStride), float64(i/img.CStride)*2/float64(h)
		img.Cb[i] = uint8(128 + 50*math.Cos(tint) + 30*math.Sin(9*fx))
		img.Cr[i] = uint8(128 + 50*math.Sin(tint) + 30*math.Cos(7*fy))
	}
	return img
}
