package imagehall

import "bytes"

// broken are files that something happened to.
func broken() []Exhibit {
	var all []Exhibit
	for _, whole := range []struct {
		name string
		data []byte
	}{
		{"cut.jpg", asJPEG(plain())},
		{"cut-progressive.jpg", file("progressive.jpg")},
		{"cut.png", asPNG(plain())},
		{"cut.gif", asGIF(paletted())},
		{"cut-lossy.webp", file("lossy.webp")},
		{"cut-lossless.webp", file("lossless.webp")},
	} {
		all = append(all, refused(whole.name, "half of it did not arrive", whole.data[:len(whole.data)/2], "corrupt"))
	}
	flipped := asPNG(plain())
	flipped[len(flipped)-30] ^= 0xff
	empty := bytes.Replace(file("lossless.webp"), []byte("VP8L"), []byte("VP8?"), 1)
	return append(all,
		refused("checksum.png", "one byte is wrong, and the checksum says so", flipped, "corrupt"),
		refused("no-data.png", "a header, and no pixels", header(width, height, 8, 2), "corrupt"),
		refused("no-size.png", "zero by zero pixels", header(0, 0, 8, 2), "corrupt"),
		refused("markers.jpg", "only markers", []byte("\xff\xd8\xff\xe0\x00\x02\xff\xd9"), "corrupt", "unsupported_format"),
		refused("no-image.webp", "a container without an image", empty, "corrupt"),
		refused("bit-depth.png", "three bits a channel, which PNG does not have", header(width, height, 3, 2), "corrupt", "unsupported_format"),
	)
}
