package imageresize

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"image/jpeg"
	"path"
	"strings"
	"sync"

	"github.com/provingground/provingground/pkg/imagehall"
)

// Kinds of pictures: by far most are ordinary.
const (
	ordinary = "ordinary" // 3 megapixels, about 1 MB
	photo    = "photo"    // 12 megapixels, about 2.5 MB
	hostile  = "hostile"  // of the hall, to be refused
)

const (
	tints      = 8 // of ordinary pictures: a copy shows of which it is
	photoEvery = 20
	hallEvery  = 25
)

// picture is what is uploaded.
type picture struct {
	kind   string
	name   string
	data   []byte
	tint   int // of ordinary ones and photos
	w, h   int
	reason []string // of hostile ones
}

// pictures are made once; each upload gets its own bytes by a comment in it.
type pictures struct {
	ordinary [tints][]byte
	photo    [2][]byte
	hall     []imagehall.Exhibit
}

const (
	ordinaryW, ordinaryH = 2048, 1536
	photoW, photoH       = 4000, 3000
)

func newPictures() (*pictures, error) {
	p := &pictures{}
	for _, e := range imagehall.All() {
		if !e.Good() {
			p.hall = append(p.hall, e)
		}
	}
	errs := make([]error, tints+len(p.photo))
	var making sync.WaitGroup
	for i := range p.ordinary {
		making.Go(func() { p.ordinary[i], errs[i] = encoded(ordinaryW, ordinaryH, i, 96) })
	}
	for i := range p.photo {
		making.Go(func() { p.photo[i], errs[tints+i] = encoded(photoW, photoH, i, 90) })
	}
	making.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

func encoded(w, h, tint, quality int) ([]byte, error) {
	var b bytes.Buffer
	err := jpeg.Encode(&b, imagehall.Scenery(w, h, uint64(tint)), &jpeg.Options{Quality: quality})
	return b.Bytes(), err
}

// of returns the picture of arrival k, the nth by its permit. No two have the same
// bytes, so their ETags tell them apart.
func (p *pictures) of(run string, k int64, nth int) picture {
	unique := fmt.Sprintf("%s-%d-%d", run, k, nth)
	switch {
	case k%hallEvery == 3:
		e := p.hall[k/hallEvery%int64(len(p.hall))]
		return picture{kind: hostile, name: e.Name, data: append(bytes.Clone(e.Data), unique...), reason: e.Refused}
	case k%photoEvery == 7:
		i := int(k/photoEvery) % len(p.photo)
		return picture{kind: photo, name: name(k), data: commented(p.photo[i], unique), tint: i, w: photoW, h: photoH}
	}
	i := int((k + 3*int64(nth)) % tints)
	return picture{kind: ordinary, name: name(k), data: commented(p.ordinary[i], unique), tint: i, w: ordinaryW, h: ordinaryH}
}

// name is what people call their files.
func name(k int64) string {
	return []string{"photo.jpg", "my photo.jpg", "a+b=c++.jpg", "Größe ✓ 写真.jpg", "100%25 & #1?.jpg"}[k%5]
}

// commented puts a comment after a JPEG's first marker.
func commented(data []byte, text string) []byte {
	out := append(make([]byte, 0, len(data)+len(text)+4), data[:2]...)
	out = append(out, 0xff, 0xfe)
	out = binary.BigEndian.AppendUint16(out, uint16(len(text)+2))
	out = append(out, text...)
	return append(out, data[2:]...)
}

// etag is what S3 calls the bytes of a plain upload.
func (p picture) etag() string {
	sum := md5.Sum(p.data)
	return hex.EncodeToString(sum[:])
}

// contentType is what its sender believes it to be.
func (p picture) contentType() string {
	switch strings.ToLower(path.Ext(p.name)) {
	case ".png":
		return "image/png"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	}
	return "image/jpeg"
}

// tintOf returns the tint that an image shows: the angle of its mean chroma, in
// eighths, as imagehall.Scenery sets it.
func tintOf(img image.Image) int {
	var cb, cr, n float64
	ycc, ok := img.(*image.YCbCr)
	if !ok {
		return -1
	}
	for i := range ycc.Cb {
		cb, cr, n = cb+float64(ycc.Cb[i]), cr+float64(ycc.Cr[i]), n+1
	}
	return nearestTint(cb/n, cr/n)
}
