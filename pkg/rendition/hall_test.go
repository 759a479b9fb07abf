package rendition_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"slices"
	"testing"

	"github.com/provingground/provingground/pkg/imagehall"
	"github.com/provingground/provingground/pkg/rendition"
)

func TestEveryExhibitOfTheHallGetsItsVerdict(t *testing.T) {
	for _, e := range imagehall.All() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			made, err := rendition.Make(t.Context(), e.Data, rendition.Limits{}, rendition.Size{Name: "all", Side: 1000}, rendition.Size{Name: "small", Side: 32})
			var refused *rendition.Refusal
			if errors.As(err, &refused) {
				if !slices.Contains(e.Refused, string(refused.Reason)) {
					t.Errorf("%s: refused for %v, want %q", e.Tells, refused, e.Refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !e.Good() {
				t.Fatalf("%s: copies were made, want a refusal for %q", e.Tells, e.Refused)
			}
			for _, m := range made {
				wantPicture(t, e, m)
			}
		})
	}
}

// wantPicture compares shape and colours of a copy.
func wantPicture(t *testing.T, e imagehall.Exhibit, m rendition.Rendition) {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(m.Data))
	if err != nil {
		t.Fatal(err)
	}
	if e.Absent != "" && bytes.Contains(m.Data, []byte(e.Absent)) {
		t.Errorf("%s: the copy contains %q", e.Tells, e.Absent)
	}
	b := img.Bounds()
	if m.Name == "all" && (b.Dx() != e.Width || b.Dy() != e.Height) || b.Dx() != m.Width || b.Dy() != m.Height {
		t.Errorf("%s: %s is %v, want %d by %d", e.Tells, m.Name, b, e.Width, e.Height)
	}
	tolerance := uint8(8)
	if m.Name != "all" {
		tolerance = 20 // the chroma of a few pixels spans the edges
	}
	for i, want := range e.Quadrants {
		// A point of the outer part: the middle may be transparent.
		x, y := b.Dx()/8+i%2*b.Dx()*3/4, b.Dy()/8+i/2*b.Dy()*3/4
		if got := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA); !close(got, want, tolerance) {
			t.Errorf("%s: quadrant %d of %s is %v, want %v", e.Tells, i, m.Name, got, want)
		}
	}
}

func close(a, b color.NRGBA, tolerance uint8) bool {
	near := func(a, b uint8) bool { return max(a, b)-min(a, b) <= tolerance }
	return near(a.A, b.A) && (b.A == 0 || near(a.R, b.R) && near(a.G, b.G) && near(a.B, b.B))
}
