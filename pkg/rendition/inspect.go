package rendition

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// Info is what the header of an image says.
type Info struct {
	Format        string // jpeg, png, gif or webp
	Width, Height int    // as stored, before the orientation is applied
	Orientation   int    // of EXIF, 1 to 8
	Frames        int    // of an animation, else 1
	Memory        int64  // bytes that decoding is estimated to take

	profile *profile // nil: sRGB
	first   []byte   // the first frame as a file of its own, of an animated WebP
}

// Inspect reads the header and the structure of an image and refuses what is over
// a limit. It decodes nothing and takes little memory whatever the data.
func Inspect(data []byte, l Limits) (Info, error) {
	l = l.withDefaults()
	if int64(len(data)) > l.Bytes {
		return Info{}, refusef(TooLarge, "%d bytes, limit %d", len(data), l.Bytes)
	}
	info, c, err := look(data, l)
	if err != nil {
		return Info{}, err
	}
	info.Width, info.Height = c.Width, c.Height
	if info.Orientation < 1 || info.Orientation > 8 {
		info.Orientation = 1
	}
	switch pixels := int64(c.Width) * int64(c.Height); {
	case c.Width < 1 || c.Height < 1:
		return info, refusef(Corrupt, "%d by %d pixels", c.Width, c.Height)
	case c.Width > l.Side || c.Height > l.Side || pixels > l.Pixels:
		return info, refusef(TooManyPixels, "%d by %d pixels, limit %d a side and %d in all", c.Width, c.Height, l.Side, l.Pixels)
	case info.Frames > l.Frames:
		return info, refusef(TooComplex, "%d frames, limit %d", info.Frames, l.Frames)
	}
	info.Memory += int64(c.Width) * int64(c.Height) * bytesPerPixel(c.ColorModel)
	if info.Memory > l.Memory {
		return info, refusef(TooManyPixels, "decoding takes about %d MiB, limit %d", info.Memory>>20, l.Memory>>20)
	}
	return info, nil
}

// look finds out what it is by the first bytes.
func look(data []byte, l Limits) (Info, image.Config, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		return lookJPEG(data, l)
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return lookPNG(data)
	case bytes.HasPrefix(data, []byte("GIF87a")), bytes.HasPrefix(data, []byte("GIF89a")):
		return lookGIF(data)
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		return lookWebP(data)
	}
	return Info{}, image.Config{}, refusef(UnsupportedFormat, "neither JPEG, PNG, GIF nor WebP")
}

// header reads the configuration by the format's own decoder.
func header(data []byte, decode func(io.Reader) (image.Config, error)) (image.Config, error) {
	c, err := decode(bytes.NewReader(data))
	if err != nil {
		return c, classified(err)
	}
	return c, nil
}

// bytesPerPixel of what the decoders return, and of what they keep beside it.
func bytesPerPixel(m color.Model) int64 {
	switch m {
	case color.GrayModel:
		return 1
	case color.Gray16Model:
		return 2
	case color.YCbCrModel:
		return 3
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	if _, ok := m.(color.Palette); ok {
		return 5 // and the canvas of a frame
	}
	return 4
}

// decode decodes what Inspect let pass.
func (info Info) decode(r *reader) (img image.Image, err error) {
	switch info.Format {
	case "jpeg":
		img, err = jpeg.Decode(r)
	case "png":
		img, err = png.Decode(r)
	case "gif":
		img, err = gif.Decode(r)
		if err == nil {
			img = onCanvas(img, info.Width, info.Height)
		}
	case "webp":
		if info.first != nil {
			r.data = info.first
		}
		img, err = webp.Decode(r)
	}
	if err != nil {
		return nil, classified(err)
	}
	if b := img.Bounds(); b.Dx() != info.Width || b.Dy() != info.Height {
		return nil, refusef(Corrupt, "the header says %d by %d pixels, there are %d by %d", info.Width, info.Height, b.Dx(), b.Dy())
	}
	return img, nil
}
