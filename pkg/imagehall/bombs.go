package imagehall

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
)

// bombs are small files that take much of something.
func bombs() []Exhibit {
	return []Exhibit{
		refused("pixels.png", "60,000 by 60,000 pixels in a few kilobytes", header(60_000, 60_000, 1, 0, chunk("IDAT", deflated(1<<20))), "too_many_pixels"),
		refused("pixels.jpg", "65,500 by 65,500 pixels", resized(asJPEG(plain()), 0xc0, 65_500, 65_500), "too_many_pixels"),
		refused("pixels.gif", "65,535 by 65,535 pixels", largeGIF(), "too_many_pixels"),
		refused("pixels.webp", "16,384 by 16,384 pixels", largeWebP(), "too_many_pixels"),
		refused("side.png", "a million by one pixel", header(1_000_000, 1, 8, 2, chunk("IDAT", deflated(3_000_001))), "too_many_pixels"),
		refused("memory.jpg", "7,000 by 7,000 pixels, progressive: all its coefficients at once take 600 MB", resized(file("progressive.jpg"), 0xc2, 7000, 7000), "too_many_pixels"),
		refused("frames.gif", "an animation of 5,000 frames", manyFrames(5000), "too_complex"),
		refused("scans.jpg", "a progressive picture that is gone over 2,000 times", manyScans(2000), "too_complex"),
	}
}

// resized changes what the frame header (with this marker) of a JPEG says.
func resized(jpeg []byte, marker byte, w, h uint16) []byte {
	at := bytes.Index(jpeg, []byte{0xff, marker}) + 5
	binary.BigEndian.PutUint16(jpeg[at:], h)
	binary.BigEndian.PutUint16(jpeg[at+2:], w)
	return jpeg
}

func largeGIF() []byte {
	data := asGIF(paletted())
	binary.LittleEndian.PutUint16(data[6:], 65_535)
	binary.LittleEndian.PutUint16(data[8:], 65_535)
	return data
}

// largeWebP changes the size of a lossless image: 14 bits for each side, less one,
// after the signature 0x2f.
func largeWebP() []byte {
	data := file("lossless.webp")
	at := bytes.Index(data, []byte("VP8L")) + 9
	rest := binary.LittleEndian.Uint32(data[at:]) >> 28 << 28
	binary.LittleEndian.PutUint32(data[at:], rest|16_383|16_383<<14)
	return data
}

func manyFrames(n int) []byte {
	dot := image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.Black, color.White})
	frames := make([]*image.Paletted, n)
	for i := range frames {
		frames[i] = dot
	}
	return asGIF(frames...)
}

// manyScans repeats the last scan of a progressive JPEG.
func manyScans(n int) []byte {
	data := file("progressive.jpg")
	last := bytes.LastIndex(data, []byte{0xff, 0xda})
	scan, end := data[last:len(data)-2], data[len(data)-2:]
	out := append([]byte{}, data[:last]...)
	for range n {
		out = append(out, scan...)
	}
	return append(out, end...)
}
