package servicebusdlq

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// resubmission is what the desk says about one.
type resubmission struct {
	Name, State                          string
	Letters, Sent, Booked, Died, Skipped int
}

// letter is what the desk shows.
type letter struct {
	ID, Queue, Session, Payment, Reason, State string
	Deliveries, Deaths                         int
}

// ask sends a request with the administration token and reads the answer into that.
func (d *Driver) ask(ctx context.Context, method, url, body string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+d.setup.Env()["ADMIN_TOKEN"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %.200s", method, url, resp.Status, raw)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(raw, into)
}

func (d *Driver) desk(process int, path string) string {
	all := d.setup.URLs("quarantine")
	return all[process%len(all)] + path
}

// letters returns all that the quarantine keeps.
func (d *Driver) letters(ctx context.Context) (all []letter, err error) {
	const page = 1000
	for after := ""; ; {
		var got struct{ Letters []letter }
		query := url.Values{"limit": {fmt.Sprint(page)}, "after": {after}}
		if err := d.ask(ctx, http.MethodGet, d.desk(0, "/api/letters?"+query.Encode()), "", &got); err != nil {
			return nil, fmt.Errorf("look for letters: %w", err)
		}
		all = append(all, got.Letters...)
		if len(got.Letters) < page {
			return all, nil
		}
		after = all[len(all)-1].ID
	}
}

// awaitUnpriced waits for n letters of payments without a rate, out of the queue without
// sessions.
func (d *Driver) awaitUnpriced(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		all, err := d.letters(ctx)
		if err != nil {
			return err
		}
		found := 0
		acked := d.acked()
		for _, l := range all {
			if s, ok := acked[l.Payment]; ok && s.payment.kind == unpriced && !s.payment.ordered {
				found++
			}
		}
		if found >= n {
			return nil
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return fmt.Errorf("%d of %d payments without a rate are in the quarantine: %w", found, n, ctx.Err())
		}
	}
}

// mend gives the currency a rate.
func (d *Driver) mend(ctx context.Context) error {
	err := d.ask(ctx, http.MethodPut, d.setup.AdminURLs("processor")[0]+"/admin/rates/"+d.currency, `{"rate":100}`, nil)
	d.mended.Store(err == nil)
	return err
}

// resubmit asks twice for the same, of two processes, and once more under another
// name, and waits for both ends.
func (d *Driver) resubmit(ctx context.Context, what, selection string) error {
	name := "r" + d.run + "-" + what
	for process := range 2 {
		if err := d.ask(ctx, http.MethodPut, d.desk(process, "/api/resubmissions/"+name), selection, nil); err != nil {
			return err
		}
	}
	if err := d.ask(ctx, http.MethodPut, d.desk(0, "/api/resubmissions/"+name+"-again"), selection, nil); err != nil {
		return err
	}
	for _, each := range []string{name, name + "-again"} {
		r, err := d.awaitResubmission(ctx, each)
		if err != nil {
			return err
		}
		d.resubmissions = append(d.resubmissions, r)
	}
	return nil
}

func (d *Driver) awaitResubmission(ctx context.Context, name string) (r resubmission, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if err := d.ask(ctx, http.MethodGet, d.desk(1, "/api/resubmissions/"+name), "", &r); err != nil {
			return r, err
		}
		if r.State != "running" {
			return r, nil
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return r, fmt.Errorf("resubmission %s is still running: %+v: %w", name, r, ctx.Err())
		}
	}
}
