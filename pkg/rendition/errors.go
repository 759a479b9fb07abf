package rendition

import (
	"errors"
	"image/jpeg"
	"image/png"
	"io"
)

// classified tells what a decoder knows and does not do from what is broken.
func classified(err error) error {
	var jpegUnsupported jpeg.UnsupportedError
	var pngUnsupported png.UnsupportedError
	switch {
	case errors.As(err, &jpegUnsupported), errors.As(err, &pngUnsupported):
		return refusef(UnsupportedFormat, "%v", err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return refusef(Corrupt, "it ends early: %v", err)
	}
	return refusef(Corrupt, "%v", err)
}
