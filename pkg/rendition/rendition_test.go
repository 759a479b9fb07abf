package rendition_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/provingground/provingground/pkg/imagehall"
	"github.com/provingground/provingground/pkg/rendition"
)

func encodedPNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func one(t *testing.T, data []byte, side int) image.Image {
	t.Helper()
	made, err := rendition.Make(t.Context(), data, rendition.Limits{}, rendition.Size{Name: "x", Side: side})
	if err != nil {
		t.Fatal(err)
	}
	img, _, err := image.Decode(bytes.NewReader(made[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestAveragesAreOfLight: half of the light of white is 188 in sRGB, and 128 is
// what comes of averaging the numbers.
func TestAveragesAreOfLight(t *testing.T) {
	board := image.NewGray(image.Rect(0, 0, 400, 400))
	for i := range board.Pix {
		board.Pix[i] = uint8(255 * ((i%400 + i/400) % 2))
	}
	r, _, _, _ := one(t, encodedPNG(t, board), 100).At(50, 50).RGBA()
	if v := r >> 8; v < 185 || v > 191 {
		t.Errorf("a checkerboard becomes %d, want about 188", v)
	}
}

func TestAPlainAreaKeepsItsColour(t *testing.T) {
	for _, c := range []color.NRGBA{{255, 255, 255, 255}, {0, 0, 0, 255}, {10, 20, 30, 255}, {200, 100, 50, 255}, {200, 100, 50, 128}} {
		img := image.NewNRGBA(image.Rect(0, 0, 333, 217))
		for i := range 333 * 217 {
			img.SetNRGBA(i%333, i/333, c)
		}
		for _, side := range []int{1000, 331, 100, 7, 1} {
			made := one(t, encodedPNG(t, img), side)
			b := made.Bounds()
			if got := color.NRGBAModel.Convert(made.At(b.Dx()/2, b.Dy()/2)).(color.NRGBA); !close(got, c, 3) {
				t.Errorf("%v at %d pixels becomes %v", c, side, got)
			}
		}
	}
}

// TestATransparentPixelHasNoColour: the red of what is not seen must not bleed.
func TestATransparentPixelHasNoColour(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 200, 200))
	for i := range 200 * 200 {
		c := color.NRGBA{0, 0, 255, 255}
		if i%200%2 == 0 {
			c = color.NRGBA{255, 0, 0, 0}
		}
		img.SetNRGBA(i%200, i/200, c)
	}
	got := color.NRGBAModel.Convert(one(t, encodedPNG(t, img), 50).At(25, 25)).(color.NRGBA)
	if !close(got, color.NRGBA{0, 0, 255, 128}, 4) {
		t.Errorf("blue beside transparent red becomes %v, want half-transparent blue", got)
	}
}

func TestExtremeShapesAreMade(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {1, 5000}, {5000, 1}, {2, 3}, {16384, 2}} {
		img := one(t, encodedPNG(t, image.NewGray(image.Rectangle{Max: size})), 100)
		if b := img.Bounds(); b.Dx() < 1 || b.Dy() < 1 || max(b.Dx(), b.Dy()) != min(100, max(size.X, size.Y)) {
			t.Errorf("%v becomes %v", size, b)
		}
	}
}

func TestAllSubsamplingsShowTheSamePicture(t *testing.T) {
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		img := image.NewYCbCr(image.Rect(0, 0, 97, 65), ratio)
		y, cb, cr := color.RGBToYCbCr(200, 40, 40)
		fill := func(plane []uint8, v uint8) {
			for i := range plane {
				plane[i] = v
			}
		}
		fill(img.Y, y)
		fill(img.Cb, cb)
		fill(img.Cr, cr)
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
			t.Fatal(err)
		}
		if got := color.NRGBAModel.Convert(one(t, b.Bytes(), 33).At(15, 10)).(color.NRGBA); !close(got, color.NRGBA{200, 40, 40, 255}, 5) {
			t.Errorf("%v: %v", ratio, got)
		}
	}
}

func TestTheCallersEndIsNoRefusal(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	data := encodedPNG(t, image.NewGray(image.Rect(0, 0, 100, 100)))
	_, err := rendition.Make(ctx, data, rendition.Limits{}, rendition.Size{Name: "x", Side: 10})
	var refused *rendition.Refusal
	if !errors.Is(err, context.Canceled) || errors.As(err, &refused) {
		t.Errorf("Make = %v, want that the context ended", err)
	}
}

func TestLimitsAreTheCallers(t *testing.T) {
	data := encodedPNG(t, image.NewGray(image.Rect(0, 0, 100, 50)))
	for _, tt := range []struct {
		limits rendition.Limits
		reason rendition.Reason
	}{
		{rendition.Limits{Bytes: 10}, rendition.TooLarge},
		{rendition.Limits{Side: 99}, rendition.TooManyPixels},
		{rendition.Limits{Pixels: 4999}, rendition.TooManyPixels},
		{rendition.Limits{Memory: 4999}, rendition.TooManyPixels},
	} {
		_, err := rendition.Inspect(data, tt.limits)
		var refused *rendition.Refusal
		if !errors.As(err, &refused) || refused.Reason != tt.reason {
			t.Errorf("%+v: %v, want %s", tt.limits, err, tt.reason)
		}
	}
}

func FuzzMake(f *testing.F) {
	for _, e := range imagehall.All() {
		if len(e.Data) < 20_000 {
			f.Add(e.Data)
		}
	}
	limits := rendition.Limits{Pixels: 1 << 20, Memory: 32 << 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		made, err := rendition.Make(t.Context(), data, limits, rendition.Size{Name: "x", Side: 16})
		var refused *rendition.Refusal
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("Make = %v, want a refusal", err)
		}
		for _, m := range made {
			if _, _, err := image.Decode(bytes.NewReader(m.Data)); err != nil {
				t.Errorf("a copy is no image: %v", err)
			}
		}
	})
}
