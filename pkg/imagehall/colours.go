package imagehall

import (
	"image"
	"image/color"
)

// colours are pictures whose numbers do not mean sRGB of eight bits.
func colours() []Exhibit {
	gray := good("gray.jpg", "one channel", asJPEG(picture(image.NewGray(frame()))))
	gray16 := good("gray-16.png", "one channel of 16 bits", asPNG(picture(image.NewGray16(frame()))))
	for i, c := range Quadrants() {
		y := color.GrayModel.Convert(c).(color.Gray).Y
		gray.Quadrants[i], gray16.Quadrants[i] = color.NRGBA{y, y, y, 255}, color.NRGBA{y, y, y, 255}
	}
	clear := picture(image.NewNRGBA64(frame()))
	half := good("alpha-16.png", "16 bits, the upper left quadrant transparent", asPNG(cleared(clear)))
	half.Quadrants[0] = color.NRGBA{}
	index := cleared(paletted())
	transparent := good("alpha-palette.png", "a palette with a transparent colour", asPNG(index))
	transparent.Quadrants[0] = color.NRGBA{}
	return append(profiles(),
		gray, gray16, half, transparent,
		good("rgb-16.png", "16 bits a channel", asPNG(picture(image.NewRGBA64(frame())))),
		good("palette.png", "a palette", asPNG(paletted())),
		good("cmyk.jpg", "four inks without a profile, inverted as Adobe writes them", file("cmyk.jpg")),
	)
}

// cleared makes the upper left quadrant transparent.
func cleared[T interface {
	image.Image
	Set(x, y int, c color.Color)
}](img T) T {
	for y := range height / 2 {
		for x := range width / 2 {
			img.Set(x, y, color.NRGBA{})
		}
	}
	return img
}

// profiles are pictures that say what their numbers mean.
func profiles() []Exhibit {
	with := func(jpeg, icc []byte) []byte {
		return withAPP(jpeg, 0xe2, append([]byte("ICC_PROFILE\x00\x01\x01"), icc...))
	}
	jpeg := asJPEG(plain())
	p3 := good("display-p3.jpg", "colours of a telephone's display: more vivid than the numbers say in sRGB", with(jpeg, displayP3()))
	p3.Quadrants = [4]color.NRGBA{{219, 0, 18, 255}, {0, 183, 0, 255}, {40, 40, 208, 255}, {222, 200, 0, 255}}
	swapped := good("swapped.jpg", "a profile whose red is green: tells whether profiles count at all", with(jpeg, swappedRGB()))
	for i, c := range swapped.Quadrants {
		swapped.Quadrants[i] = color.NRGBA{c.G, c.R, c.B, 255}
	}
	return []Exhibit{
		p3, swapped,
		good("srgb-profile.jpg", "a profile that spells out sRGB", with(jpeg, sRGB())),
		refused("table-profile.jpg", "colours by tables", with(jpeg, tableProfile()), "unsupported_profile"),
		refused("cmyk-profile.jpg", "four inks, by a printer's tables", with(file("cmyk.jpg"), header4("CMYK", "Lab ")), "unsupported_profile"),
		refused("garbage-profile.jpg", "a profile that is none", with(jpeg, []byte("these are no colours")), "unsupported_profile"),
		refused("profile-bomb.png", "a PNG's profile that inflates to 64 MiB", withChunk(asPNG(plain()), "iCCP", append([]byte("x\x00\x00"), deflated(64<<20)...)), "too_large", "unsupported_profile"),
	}
}
