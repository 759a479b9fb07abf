package imagehall

import (
	"image"
	"image/color"
	"image/draw"
)

// formats are pictures of the rarer kinds of each format.
func formats() []Exhibit {
	hole := good("alpha.webp", "lossy WebP with a transparent middle", file("alpha.webp"))
	small := image.NewPaletted(image.Rect(width/2, height/2, width, height), palette())
	draw.Draw(small, small.Rect, image.NewUniform(Quadrants()[3]), image.Point{}, draw.Src)
	corner := good("first-frame-small.gif", "an animation whose first frame covers a quadrant only", asGIF(small, paletted()))
	corner.Quadrants = [4]color.NRGBA{3: Quadrants()[3]}
	gray := image.NewPaletted(frame(), color.Palette{color.Gray{128}})
	return []Exhibit{
		hole, corner,
		good("plain.jpg", "nothing is wrong with it", asJPEG(plain())),
		good("plain.png", "nothing is wrong with it", asPNG(plain())),
		good("plain.gif", "nothing is wrong with it", asGIF(paletted())),
		good("progressive.jpg", "in several scans", file("progressive.jpg")),
		good("lossy.webp", "nothing is wrong with it", file("lossy.webp")),
		good("lossless.webp", "nothing is wrong with it", file("lossless.webp")),
		good("animated.gif", "its first frame counts", asGIF(paletted(), gray)),
		good("animated.webp", "its first frame counts", file("animated.webp")),
		good("animated.png", "its first frame counts", file("animated.png")),
	}
}
