package pubsubdlq

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// redrive is what the desk says about one.
type redrive struct {
	Name                 string
	State                string
	Letters, Taken, Died int
}

// ask sends a request with the administration token and reads the answer into that.
func (d *Driver) ask(ctx context.Context, method, url, body string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
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

// setAccount makes an account at a role that charges.
func (d *Driver) setAccount(ctx context.Context, role, account, body string) error {
	return d.ask(ctx, http.MethodPut, d.setup.AdminURLs(role)[0]+"/admin/accounts/"+account, body, nil)
}

// redrive asks a process of the desk to send a group back.
func (d *Driver) redrive(ctx context.Context, process int, name, reason string) (r redrive, err error) {
	url := d.setup.URLs("deadletters")[process] + "/api/redrives/" + name
	return r, d.ask(ctx, http.MethodPut, url, fmt.Sprintf(`{"reason":%q}`, reason), &r)
}

// awaitRedrive returns a redrive when it has ended.
func (d *Driver) awaitRedrive(ctx context.Context, name string) (r redrive, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if err := d.ask(ctx, http.MethodGet, d.setup.URLs("deadletters")[0]+"/api/redrives/"+name, "", &r); err != nil {
			return r, err
		}
		if r.State != "running" {
			return r, nil
		}
		if !sleep(ctx, 100*time.Millisecond) {
			return r, fmt.Errorf("redrive %s is still running: %+v: %w", name, r, ctx.Err())
		}
	}
}
