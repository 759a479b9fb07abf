// Package imagehall is a hall of images that break image pipelines, each with the
// verdict that a good one comes to:
//
//	for _, e := range imagehall.All() {
//		got := yourPipeline(e.Data) // done, or failed and why
//	}
//
// The command in cmd/imagehall writes them as files, with a list of verdicts, for
// pipelines of any language. Most are made here from a picture of four quadrants,
// so it shows whether a copy stands upright and has its colours.
package imagehall

import "image/color"

// An Exhibit is one file and what it should become.
type Exhibit struct {
	Name  string // with the extension that its sender gave it
	Tells string // what it is, and what goes wrong with it
	Data  []byte

	// Reasons that are right for a refusal, in the words of package rendition. None
	// means that copies must be made.
	Refused []string
	// Of a copy, upright: the shape, and the colours of its quadrants from the upper
	// left on, row by row. A zero colour is transparent.
	Width, Height int
	Quadrants     [4]color.NRGBA
	// Absent are bytes of the original that no copy may contain.
	Absent string
}

// Good reports whether copies must be made of it.
func (e Exhibit) Good() bool { return len(e.Refused) == 0 }

// The picture: red, green, blue and yellow.
const (
	width, height = 96, 64
	secret        = "SECRET-51.4778N-0.0014W"
	script        = "<script>alert(document.domain)</script>"
)

// Quadrants are the colours of the picture.
func Quadrants() [4]color.NRGBA {
	return [4]color.NRGBA{{200, 40, 40, 255}, {40, 180, 40, 255}, {40, 40, 200, 255}, {220, 200, 40, 255}}
}

// All returns the hall. The data is new each time.
func All() []Exhibit {
	var all []Exhibit
	for _, room := range [][]Exhibit{upright(), colours(), formats(), disguised(), broken(), bombs()} {
		all = append(all, room...)
	}
	return all
}

// good is an exhibit of which copies must show the picture.
func good(name, tells string, data []byte) Exhibit {
	return Exhibit{Name: name, Tells: tells, Data: data, Width: width, Height: height, Quadrants: Quadrants()}
}

func refused(name, tells string, data []byte, reasons ...string) Exhibit {
	return Exhibit{Name: name, Tells: tells, Data: data, Refused: reasons}
}
