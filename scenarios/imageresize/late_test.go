//go:build unix

package imageresize

import (
	"bytes"
	"image/jpeg"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/provingground/provingground/deploy/local/process"
	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/pkg/imagehall"
)

// TestWhoComesLateChangesNothing is what a resizer does that stood still past its
// visibility: another has stored and recorded meanwhile.
func TestWhoComesLateChangesNothing(t *testing.T) {
	c := newCluster(t)
	r := c.resizer()
	v := Version{Key: "in/x/photo.jpg", ID: "v1"}
	o := Object{Name: "small", Key: objectKey(v, "small", "image/jpeg"), ContentType: "image/jpeg", Width: 1, Height: 1, Bytes: 5}
	for _, data := range []string{"first", "later"} {
		if err := r.images.write(t.Context(), v, o, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := c.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &c.names.Renditions, Key: &o.Key})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	if raw, err := io.ReadAll(out.Body); err != nil || string(raw) != "first" {
		t.Errorf("the object is %q, %v; want that of who came first", raw, err)
	}
	for _, rec := range []Record{{Version: v, State: Done, Objects: []Object{o}}, {Version: v, State: Failed, Reason: reasonGaveUp}} {
		if err := r.finish(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := c.records.of(t.Context(), v.Key); err != nil || all["v1"].State != Done || len(all["v1"].Objects) != 1 {
		t.Errorf("records %+v, %v; want that of who came first", all, err)
	}
}

func TestAVersionWhoseEveryAttemptEndsItsWorkerIsGivenUp(t *testing.T) {
	c := newCluster(t)
	data := picture(t, 100, 100, red())
	p := c.permit(t, "photo.jpg", "image/jpeg", data)
	v := Version{Key: p.Key, ID: put(t, p, data)}
	body, err := lostEvent(c.names.Uploads, v, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.resizer().Handle(t.Context(), body, maxTries+1); err != nil {
		t.Fatal(err)
	}
	if got := c.find(t, p.ID).Versions[0]; got.State != Failed || got.Reason != reasonGaveUp {
		t.Errorf("after %d receives: %+v, want that it is given up", maxTries+1, got)
	}
}

func TestAVersionThatIsDeletedFirstEndsAsDeleted(t *testing.T) {
	c := newCluster(t)
	data := picture(t, 100, 100, red())
	p := c.permit(t, "photo.jpg", "image/jpeg", data)
	v := Version{Key: p.Key, ID: put(t, p, data)}
	if _, err := c.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &c.names.Uploads, Key: &v.Key, VersionId: &v.ID}); err != nil {
		t.Fatal(err)
	}
	if err := c.resizer().resize(t.Context(), v, 1); err != nil {
		t.Fatal(err)
	}
	if all, err := c.records.of(t.Context(), v.Key); err != nil || all[v.ID].Reason != reasonGone {
		t.Errorf("records %+v, %v; want that it is deleted", all, err)
	}
}

// startProcess starts the built program as a worker.
func (c *cluster) startProcess(t *testing.T, path, log string) *process.Process {
	t.Helper()
	ports, err := server.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	env := []string{
		"UPLOADS_BUCKET=" + c.names.Uploads, "RENDITIONS_BUCKET=" + c.names.Renditions, "RECORDS_TABLE=" + c.names.Records, "EVENTS_QUEUE=" + c.names.Queue,
		"VISIBILITY=4s", "DRAIN_DELAY=0s", "ADDR=" + local(ports[0]), "ADMIN_ADDR=" + local(ports[1]),
	}
	for name, value := range c.env {
		env = append(env, name+"="+value)
	}
	p, err := process.Start(process.Spec{Name: "resize", Path: path, Env: env, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill() })
	return p
}

// TestAResizerThatIsKilledLosesNoImage kills the process with SIGKILL after its
// first object was stored, with photos under way.
func TestAResizerThatIsKilledLosesNoImage(t *testing.T) {
	c := newCluster(t)
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, imagehall.Scenery(4000, 3000, 0), nil); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for range 6 {
		p := c.permit(t, "photo.jpg", "image/jpeg", photo.Bytes())
		put(t, p, photo.Bytes())
		ids = append(ids, p.ID)
	}
	path, log := program(t), filepath.Join(t.TempDir(), "resize.log")
	victim := c.startProcess(t, path, log)
	eventually(t, "the first object is stored", func() bool {
		out, err := c.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &c.names.Renditions, MaxKeys: aws.Int32(1)})
		return err == nil && len(out.Contents) > 0
	})
	if err := victim.Kill(); err != nil {
		t.Fatal(err)
	}
	c.startProcess(t, path, log)
	for _, id := range ids {
		if v := c.settled(t, id, 1)[0]; v.State != Done || len(v.Sizes) != 3 {
			t.Errorf("%s ended as %+v", id, v)
		}
	}
}
