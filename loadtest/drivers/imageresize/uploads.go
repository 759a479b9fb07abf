package imageresize

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
	"github.com/provingground/provingground/loadtest/ledger"
)

const (
	permitTimeout = 4 * time.Second
	uploadTimeout = 10 * time.Second
	deadline      = 45 * time.Second // until then what is not definite is repeated
	pause         = 250 * time.Millisecond
	// overwriteEvery uploads, one is sent a second time by the same permit, with
	// another picture, while the first is being worked on.
	overwriteEvery = 15
)

// uploader asks for a permit and uploads by it: an upload takes as long as both.
type uploader struct{ clients }

// permit is what the api answered.
type permit struct {
	ID, Key string
	Put     struct {
		URL     string
		Headers map[string]string
	}
	Form struct {
		URL    string
		Fields map[string]string
	}
}

// Send implements engine.Sender.
func (u *uploader) Send(ctx context.Context, k int64) engine.Outcome {
	until := time.Now().Add(deadline)
	for n := 0; ; n++ {
		// What is sent again after an unknown end is another upload, with its own end.
		outcome := u.upload(ctx, k, n)
		repeat := outcome.Kind != engine.OK && outcome.Kind != engine.Refused && outcome.Kind != engine.Body
		if !repeat || time.Now().After(until) || !sleep(ctx, pause) {
			return outcome
		}
	}
}

// upload asks for a permit and uses it, and now and then once more.
func (u *uploader) upload(ctx context.Context, k int64, n int) engine.Outcome {
	p := u.d.pictures.of(u.d.run, k, n)
	permit, outcome := u.permit(ctx, k+int64(n), p)
	if outcome.Kind != engine.OK {
		return outcome
	}
	outcome = u.send(ctx, permit, p, u.d.put)
	if outcome.Kind == engine.OK && k%overwriteEvery == 9 && p.kind == ordinary {
		over := u.d.pictures.of(u.d.run, k, n+1001)
		over.name = p.name
		return u.send(ctx, permit, over, u.d.post)
	}
	return outcome
}

func (u *uploader) permit(ctx context.Context, k int64, p picture) (permit, engine.Outcome) {
	sum := sha256.Sum256(p.data)
	raw, err := u.ask(ctx, k, p.name, p.contentType(), len(p.data), base64.StdEncoding.EncodeToString(sum[:]))
	var made permit
	if err.Kind == engine.OK && (json.Unmarshal(raw, &made) != nil || made.Put.URL == "" || !strings.HasSuffix(made.Key, "/"+p.name)) {
		return permit{}, engine.Outcome{Kind: engine.Body}
	}
	return made, err
}

// ask sends one request for a permit.
func (c *clients) ask(ctx context.Context, k int64, name, contentType string, size int, sum string) ([]byte, engine.Outcome) {
	body, err := json.Marshal(map[string]any{"name": name, "content_type": contentType, "size": size, "sha256": sum})
	if err != nil {
		return nil, engine.Outcome{Kind: engine.Unknown}
	}
	request, err := http1.NewRequest("POST", "/api/uploads", c.d.hosts[0], body, http1.Field{Name: "Content-Type", Value: "application/json"})
	if err != nil {
		return nil, engine.Outcome{Kind: engine.Unknown}
	}
	if _, err := c.Do(ctx, k, request); err != nil {
		return nil, engine.Outcome{Kind: engine.KindOf(err)}
	}
	switch {
	case c.Resp.Status == http.StatusCreated:
		return c.Resp.Body, engine.Outcome{Kind: engine.OK, Status: c.Resp.Status}
	case c.Resp.Status == http.StatusServiceUnavailable && c.Resp.Header("Retry-After") != nil:
		return nil, engine.Outcome{Kind: engine.Refused, Status: c.Resp.Status}
	}
	return nil, engine.Outcome{Kind: engine.Status, Status: c.Resp.Status}
}

// send sends the bytes to S3 and enters how it ended.
func (u *uploader) send(ctx context.Context, made permit, p picture, by func(context.Context, permit, []byte) (int, error)) engine.Outcome {
	etag := u.d.sending(made.Key, p)
	status, err := by(ctx, made, p.data)
	end := ledger.Unknown
	switch {
	case err == nil:
		end = ledger.EndOf(status, false)
	case engine.KindOf(err) == engine.Dial:
		end = ledger.NotAttempted
	}
	now := time.Now()
	u.d.ledger.Answered(made.Key, end, now)
	switch {
	case end == ledger.Acknowledged:
		u.d.acknowledged(etag, now)
		return engine.Outcome{Kind: engine.OK, Status: status}
	case err != nil:
		return engine.Outcome{Kind: engine.KindOf(err)}
	}
	return engine.Outcome{Kind: engine.Status, Status: status}
}

// sending enters an upload before its first byte leaves. The key is its identity;
// which of its versions is which tells the ETag.
func (d *Driver) sending(key string, p picture) (etag string) {
	d.ledger.Sent(key, key, time.Now())
	etag = p.etag()
	p.data = nil // a minute of them would be many
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sent[etag] = upload{key: key, picture: p}
	return etag
}

func (d *Driver) acknowledged(etag string, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.sent[etag]
	u.at = at
	d.sent[etag] = u
}

// put uploads by the URL that is signed for these bytes.
func (d *Driver) put(ctx context.Context, made permit, data []byte) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, made.Put.URL, bytes.NewReader(data))
	if err != nil {
		return 0, err
	}
	for name, value := range made.Put.Headers {
		req.Header.Set(name, value)
	}
	return d.do(req)
}

// post uploads by the form, which takes any bytes.
func (d *Driver) post(ctx context.Context, made permit, data []byte) (status int, err error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range made.Form.Fields {
		if err := form.WriteField(name, value); err != nil {
			return 0, err
		}
	}
	file, err := form.CreateFormFile("file", "file")
	if err != nil {
		return 0, err
	}
	if _, err := file.Write(data); err != nil {
		return 0, err
	}
	if err := form.Close(); err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, made.Form.URL, &body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	return d.do(req)
}

func (d *Driver) do(req *http.Request) (status int, err error) {
	resp, err := d.s3.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, err
}

// asker asks for permits that nobody uses.
type asker struct{ clients }

// Send implements engine.Sender.
func (a *asker) Send(ctx context.Context, k int64) engine.Outcome {
	raw, outcome := a.ask(ctx, k, fmt.Sprintf("never %d.jpg", k), "image/jpeg", 1<<20, base64.StdEncoding.EncodeToString(make([]byte, 32)))
	if outcome.Kind == engine.OK && !bytes.Contains(raw, []byte(`"put"`)) {
		return engine.Outcome{Kind: engine.Body}
	}
	return outcome
}

// sleep reports whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
