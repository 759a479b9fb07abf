package urlshortener

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/provingground/provingground/loadtest/ledger"
)

const (
	importBatch = 1000
	goneLinks   = 40
)

// Prepare makes the links that the load asks for, through the administration
// API, and a few that are deleted or expired by the time it starts.
func (d *Driver) Prepare(ctx context.Context, progress func(done, of int)) error {
	d.links = make([]link, d.setup.Records)
	for first := 0; first < len(d.links); first += importBatch {
		if err := d.importLinks(ctx, first, min(first+importBatch, len(d.links))); err != nil {
			return err
		}
		progress(min(first+importBatch, len(d.links)), len(d.links))
	}
	return d.makeGone(ctx)
}

func (d *Driver) importLinks(ctx context.Context, first, end int) error {
	urls := make([]string, 0, end-first)
	for i := first; i < end; i++ {
		urls = append(urls, d.target("seeded", int64(i)))
	}
	var answer struct{ Codes []string }
	key := fmt.Sprintf("%s-import-%d", d.run, first)
	header := http.Header{"Idempotency-Key": {key}, "Authorization": {"Bearer " + d.setup.Env()["ADMIN_TOKEN"]}}
	if err := post(ctx, d.adminURL+"/admin/links", header, map[string][]string{"urls": urls}, &answer); err != nil {
		return fmt.Errorf("import links %d to %d: %w", first, end, err)
	}
	if len(answer.Codes) != len(urls) {
		return fmt.Errorf("import links %d to %d: %d codes came back", first, end, len(answer.Codes))
	}
	for i, code := range answer.Codes {
		l := &d.links[first+i]
		l.code, l.target, l.request = code, urls[i], d.get("/"+code)
		d.ledger.Sent(key, l.target, time.Now())
		d.ledger.Answered(l.target, ledger.Acknowledged, time.Now())
	}
	return nil
}

// makeGone makes links that do not resolve any more, half of them deleted and
// half expired.
func (d *Driver) makeGone(ctx context.Context) error {
	expires := time.Now().Add(2 * time.Second).Truncate(time.Millisecond)
	for i := range int64(goneLinks) {
		c := creation{key: fmt.Sprintf("%s-gone-%d-padded", d.run, i), target: d.target("gone", i)}
		if i%2 == 0 {
			c.expires = expires
		}
		made, err := d.createNow(ctx, c)
		if err != nil {
			return fmt.Errorf("make a link that ends: %w", err)
		}
		d.gone = append(d.gone, d.get("/"+made.Code))
		if i%2 == 1 {
			if err := d.deleteNow(ctx, made); err != nil {
				return fmt.Errorf("end a link: %w", err)
			}
		}
		d.ledger.Over(c.target, expires)
	}
	sleep(ctx, time.Until(expires))
	return ctx.Err()
}

func (d *Driver) createNow(ctx context.Context, c creation) (created, error) {
	body := createBody{URL: c.target, Alias: c.alias}
	if !c.expires.IsZero() {
		body.ExpiresAt = &c.expires
	}
	var made created
	d.ledger.Sent(c.key, c.target, time.Now())
	err := post(ctx, d.urls[0]+"/api/links", http.Header{"Idempotency-Key": {c.key}}, body, &made)
	if err == nil {
		d.ledger.Answered(c.target, ledger.Acknowledged, time.Now())
	}
	return made, err
}

func (d *Driver) deleteNow(ctx context.Context, made created) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, d.urls[0]+"/api/links/"+made.Code, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+made.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("DELETE /api/links/%s: %s", made.Code, resp.Status)
	}
	return nil
}

// post sends JSON and decodes the 201 that it expects.
func post(ctx context.Context, url string, header http.Header, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("POST %s: %s: %.200s", url, resp.Status, answer)
	}
	return json.Unmarshal(answer, into)
}
