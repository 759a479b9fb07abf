package rendition_test

import (
	"bytes"
	"context"
	"image/jpeg"
	"testing"

	"github.com/provingground/provingground/pkg/imagehall"
	"github.com/provingground/provingground/pkg/rendition"
)

func photo(b *testing.B) []byte {
	b.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, imagehall.Scenery(4000, 3000, 1), &jpeg.Options{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	return buf.Bytes()
}

func three() []rendition.Size {
	return []rendition.Size{{Name: "large", Side: 1600}, {Name: "medium", Side: 640}, {Name: "small", Side: 200}}
}

func BenchmarkMakeThreeSizesOfTwelveMegapixels(b *testing.B) {
	data := photo(b)
	b.SetBytes(4000 * 3000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rendition.Make(context.Background(), data, rendition.Limits{}, three()...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeTwelveMegapixels(b *testing.B) {
	data := photo(b)
	b.SetBytes(4000 * 3000)
	for b.Loop() {
		if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
			b.Fatal(err)
		}
	}
}
