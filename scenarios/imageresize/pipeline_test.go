//go:build unix

package imageresize

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/provingground/provingground/pkg/sqsconsumer"
)

// picture is a JPEG of one colour.
func picture(t *testing.T, w, h int, c color.Color) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.Set(i%w, i/w, c)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func red() color.RGBA   { return color.RGBA{R: 200, A: 255} }
func green() color.RGBA { return color.RGBA{G: 200, A: 255} }

// wantSizes downloads the three sizes of a version by their URLs.
func wantSizes(t *testing.T, v VersionStatus, c color.RGBA, sides ...int) {
	t.Helper()
	if v.State != Done || len(v.Sizes) != 3 {
		t.Fatalf("version %+v, want three sizes", v)
	}
	for i, name := range []string{"large", "medium", "small"} {
		s := v.Sizes[name]
		a := call(t, "GET", s.URL, nil, nil)
		img, kind, err := image.Decode(bytes.NewReader(a.body))
		if err != nil || kind != "jpeg" || len(a.body) != s.Bytes {
			t.Fatalf("%s: %d, %s of %d bytes, want a JPEG of %d: %v", name, a.status, kind, len(a.body), s.Bytes, err)
		}
		if b := img.Bounds(); max(b.Dx(), b.Dy()) != sides[i] || b.Dx() != s.Width || b.Dy() != s.Height {
			t.Errorf("%s is %v, want a longer side of %d and what the status says: %d by %d", name, b, sides[i], s.Width, s.Height)
		}
		r, g, _, _ := img.At(10, 10).RGBA()
		if near(r>>8, uint32(c.R)) && near(g>>8, uint32(c.G)) {
			continue
		}
		t.Errorf("%s is of colour %d %d, want %d %d", name, r>>8, g>>8, c.R, c.G)
	}
}

func near(a, b uint32) bool { return max(a, b)-min(a, b) < 8 }

func TestUploadsBecomeThreeSizes(t *testing.T) {
	c := newCluster(t)
	for range 2 {
		c.startWorker(t)
	}
	for name, test := range map[string]func(*testing.T, *cluster){
		"by a URL that is signed for these bytes": byURL,
		"by a form":                                    byForm,
		"whatever they are called":                     strangeNames,
		"each version its own":                         overwritten,
		"or say why not":                               broken,
		"and S3's test event is nothing":               testEvent,
		"and poison is quarantined with its reason":    poison,
		"once, when the event comes three times":       threeTimes,
		"also where nobody asked the api for a permit": byHand,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, c)
		})
	}
}

func byURL(t *testing.T, c *cluster) {
	data := picture(t, 2000, 1000, red())
	p := c.permit(t, "photo.jpg", "image/jpeg", data)
	version := put(t, p, data)
	got := c.settled(t, p.ID, 1)
	if got[0].Version != version || got[0].Bytes != int64(len(data)) {
		t.Errorf("version %+v, want %s", got[0], version)
	}
	wantSizes(t, got[0], red(), 1600, 640, 200)

	other := bytes.Clone(data)
	other[len(other)/2] ^= 1
	if a := call(t, "PUT", p.Put.URL, p.Put.Headers, bytes.NewReader(other)); a.status != http.StatusBadRequest {
		t.Errorf("other bytes by the same URL: %d %s, want 400", a.status, a.body)
	}
	if a := call(t, "PUT", p.Put.URL, p.Put.Headers, bytes.NewReader(data[1:])); a.status/100 != 4 {
		t.Errorf("fewer bytes by the same URL: %d %s, want a refusal", a.status, a.body)
	}
	without := map[string]string{"Content-Type": "image/jpeg"}
	if a := call(t, "PUT", p.Put.URL, without, bytes.NewReader(data)); a.status != http.StatusForbidden {
		t.Errorf("without the signed headers: %d, want 403", a.status)
	}
}

func byForm(t *testing.T, c *cluster) {
	data := picture(t, 300, 600, green())
	p := c.permit(t, "photo.jpg", "image/jpeg", data)
	if a := post(t, p.Form, data); a.status/100 != 2 {
		t.Fatalf("form: %d %s", a.status, a.body)
	}
	wantSizes(t, c.settled(t, p.ID, 1)[0], green(), 600, 600, 200)

	if a := post(t, p.Form, make([]byte, maxUpload+1)); a.status != http.StatusBadRequest {
		t.Errorf("a file over the limit: %d, want 400", a.status)
	}
	if a := post(t, p.Form, nil); a.status != http.StatusBadRequest {
		t.Errorf("an empty file: %d, want 400", a.status)
	}
	p.Form.Fields["Content-Type"] = "text/html"
	if a := post(t, p.Form, data); a.status != http.StatusForbidden {
		t.Errorf("another type than was signed: %d, want 403", a.status)
	}
}

func strangeNames(t *testing.T, c *cluster) {
	data := picture(t, 640, 480, red())
	for _, name := range []string{"a photo.jpg", "a+b c++.jpg", "Größe ✓ 写真.jpg", "100%.jpg", "a%20b&c=d?e#f.jpg", "..jpg", "' \"quoted\".jpg"} {
		p := c.permit(t, name, "image/jpeg", data)
		if put(t, p, data); !strings.HasSuffix(p.Key, "/"+name) {
			t.Errorf("key %q of %q", p.Key, name)
		}
		wantSizes(t, c.settled(t, p.ID, 1)[0], red(), 640, 640, 200)
	}
}

func overwritten(t *testing.T, c *cluster) {
	p := c.permit(t, "photo.jpg", "image/jpeg", []byte("any"))
	first, second := picture(t, 1000, 500, red()), picture(t, 500, 1000, green())
	for _, data := range [][]byte{first, second} {
		if a := post(t, p.Form, data); a.status/100 != 2 {
			t.Fatalf("form: %d %s", a.status, a.body)
		}
	}
	got := c.settled(t, p.ID, 2)
	wantSizes(t, got[0], green(), 1000, 640, 200) // the newest first
	wantSizes(t, got[1], red(), 1000, 640, 200)
}

func broken(t *testing.T, c *cluster) {
	whole := picture(t, 400, 400, red())
	for reason, data := range map[string][]byte{
		"corrupt":            whole[:len(whole)/2],
		"unsupported_format": []byte("<svg onload=alert(1)>"),
	} {
		p := c.permit(t, "photo.jpg", "image/jpeg", data)
		put(t, p, data)
		got := c.settled(t, p.ID, 1)[0]
		if got.State != Failed || got.Reason != reason || got.Detail == "" || got.Sizes != nil {
			t.Errorf("ended as %+v, want failed(%s)", got, reason)
		}
	}
}

func testEvent(t *testing.T, c *cluster) {
	body := `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-24T00:00:00.000Z","Bucket":"imageresize-uploads"}`
	if err := c.resizer().Handle(t.Context(), body, 1); err != nil {
		t.Errorf("S3's test event: %v", err)
	}
}

func poison(t *testing.T, c *cluster) {
	for _, body := range []string{
		`{"half":`, `{"Records":[]}`,
		`{"Records":[{"eventVersion":"3.0","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"imageresize-uploads"},"object":{"key":"in/poison","versionId":"v"}}}]}`,
		`{"Records":[{"eventVersion":"2.1","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"other"},"object":{"key":"in/poison","versionId":"v"}}}]}`,
		`{"Records":[{"eventVersion":"2.1","eventName":"ObjectRemoved:Delete","s3":{"bucket":{"name":"imageresize-uploads"},"object":{"key":"in/poison","versionId":"v"}}}]}`,
		`{"Records":[{"eventVersion":"2.1","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"imageresize-uploads"},"object":{"key":"in/poison"}}}]}`,
		`{"Records":[{"eventVersion":"2.1","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"imageresize-uploads"},"object":` + wrongETag(t, c) + `}}]}`,
	} {
		c.send(t, body)
		eventually(t, body+" is quarantined", func() bool {
			found := c.dead(t, body)
			return len(found) > 0 && aws.ToString(found[0].MessageAttributes[sqsconsumer.AttributeReason].StringValue) != ""
		})
	}
}

// wrongETag is an object with a version that is there and an ETag that it has not.
func wrongETag(t *testing.T, c *cluster) string {
	t.Helper()
	key := "elsewhere/poison.jpg" // nobody announces it
	out, err := c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &c.names.Uploads, Key: &key, Body: strings.NewReader("x")})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"key":%q,"versionId":%q,"eTag":"00000000000000000000000000000000"}`, key, aws.ToString(out.VersionId))
}

func threeTimes(t *testing.T, c *cluster) {
	data := picture(t, 1200, 800, red())
	p := c.permit(t, "photo.jpg", "image/jpeg", data)
	version := put(t, p, data)
	body, err := lostEvent(c.names.Uploads, Version{Key: p.Key, ID: version}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c.send(t, body)
	}
	got := c.settled(t, p.ID, 1)[0]
	wantSizes(t, got, red(), 1200, 640, 200)
	r := c.resizer()
	if err := r.Handle(t.Context(), body, 1); err != nil {
		t.Error(err)
	}
	if again := c.find(t, p.ID).Versions[0]; !again.Finished.Equal(*got.Finished) {
		t.Errorf("the record changed: finished at %v, then at %v", got.Finished, again.Finished)
	}
}

func byHand(t *testing.T, c *cluster) {
	key := "in/by hand+1/ü.jpg"
	out, err := c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &c.names.Uploads, Key: &key, Body: bytes.NewReader(picture(t, 900, 900, red()))})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, key+" has a record", func() bool {
		all, err := c.records.of(t.Context(), key)
		return err == nil && all[aws.ToString(out.VersionId)].State == Done
	})
}

func TestALostEventIsFoundByTheSweeper(t *testing.T) {
	c := newCluster(t)
	data := picture(t, 640, 480, green())
	p := c.permit(t, "photo.jpg", "image/jpeg", data)
	put(t, p, data)
	q := c.queue(t)
	loseEvents(t, c, q)

	s := &sweeper{
		Sweep:  Sweep{Every: 50 * time.Millisecond, Grace: 100 * time.Millisecond, Back: 2 * time.Hour},
		images: newImages(c.cfg, c.names), records: c.records, queue: q, metrics: newMetrics(), log: c.log,
	}
	start(t, s.run)
	c.startWorker(t)
	wantSizes(t, c.settled(t, p.ID, 1)[0], green(), 640, 640, 200)
}

// loseEvents takes all messages off the queue.
func loseEvents(t *testing.T, c *cluster, q sqsconsumer.Queue) {
	t.Helper()
	lost := 0
	r := c.resizer()
	w := r.worker(q, c.log, 4*time.Second)
	w.Wait = time.Second
	w.Handle = func(context.Context, sqsconsumer.Message) error { lost++; return nil }
	stop := start(t, func(ctx context.Context) {
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the event came, to be lost", func() bool { return lost > 0 })
	stop()
}
