package edgeroom

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/provingground/provingground/loadtest/http1"
	"github.com/provingground/provingground/loadtest/judge"
)

const (
	lookEvery   = 100 * time.Millisecond // at the settings
	writeEvery  = 20                     // looks
	settingsOld = time.Minute            // that they may be
)

// settings is what was seen of them, and written, beside the load.
type settings struct {
	mu        sync.Mutex
	documents map[int64]string // by version
	newest    int64            // that was acknowledged
	reads     int
	aged      int           // reads that the Worker answered out of its memory
	oldest    time.Duration // of them
	failed    int           // reads that were answered, and not with settings
}

// version is an answer.
type version struct {
	Version  int64
	Document json.RawMessage
}

// keepSettings reads them, and writes them now and then, until ctx ends.
func (d *Driver) keepSettings(ctx context.Context) {
	c := d.newClients()
	defer c.Close()
	for k := int64(0); sleep(ctx, lookEvery); k++ {
		if k%writeEvery == 0 {
			d.writeSettings(ctx, &c, k)
		}
		d.readSettings(ctx, &c, k)
	}
}

func (d *Driver) writeSettings(ctx context.Context, c *clients, k int64) {
	request, err := http1.NewRequest("PUT", "/api/settings", "edge", fmt.Appendf(nil, `{"run":%q,"n":%d}`, d.run, k),
		http1.Field{Name: "Authorization", Value: "Bearer " + d.setup.Env()["WRITE_TOKEN"]},
		http1.Field{Name: "Content-Type", Value: "application/json"})
	if err != nil {
		d.wrong.add("settings: %v", err)
		return
	}
	var got version
	if _, err := c.Do(ctx, k, request); err != nil || c.Resp.Status != http.StatusOK || json.Unmarshal(c.Resp.Body, &got) != nil {
		return // nobody knows whether they were written
	}
	d.saw(got)
	d.settings.mu.Lock()
	defer d.settings.mu.Unlock()
	d.settings.newest = max(d.settings.newest, got.Version)
}

// readSettings returns the version; 0 where there is none.
func (d *Driver) readSettings(ctx context.Context, c *clients, k int64) int64 {
	if _, err := c.Do(ctx, k, []byte("GET /api/settings HTTP/1.1\r\nHost: edge\r\n\r\n")); err != nil {
		return 0
	}
	var got version
	bad := c.Resp.Status != http.StatusOK || json.Unmarshal(c.Resp.Body, &got) != nil
	d.countSettings(bad, string(c.Resp.Header("Age")))
	if bad {
		return 0
	}
	d.saw(got)
	return got.Version
}

func (d *Driver) countSettings(bad bool, age string) {
	s := &d.settings
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if bad {
		s.failed++
	}
	if seconds, err := strconv.Atoi(age); err == nil {
		s.aged++
		s.oldest = max(s.oldest, time.Duration(seconds)*time.Second)
	}
}

// saw wants a version to be of one document.
func (d *Driver) saw(v version) {
	s := &d.settings
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.documents == nil {
		s.documents = map[int64]string{}
	}
	before, known := s.documents[v.Version]
	if known && before != string(v.Document) {
		d.wrong.add("version %d of the settings is %s, and was %s", v.Version, v.Document, before)
	}
	s.documents[v.Version] = string(v.Document)
}

// judgeSettings wants the newest that was acknowledged to be there within a minute.
func (d *Driver) judgeSettings(ctx context.Context) judge.Check {
	ctx, cancel := context.WithTimeout(ctx, settingsOld)
	defer cancel()
	c := d.newClients()
	defer c.Close()
	newest := d.newestSettings()
	got := d.readSettings(ctx, &c, 0)
	for got < newest && sleep(ctx, lookEvery) {
		got = d.readSettings(ctx, &c, 0)
	}
	s := &d.settings
	s.mu.Lock()
	defer s.mu.Unlock()
	return judge.Checkf("settings", newest > 0 && got >= newest, "version %d was acknowledged and version %d is there; %d reads, %d out of the Worker's memory and up to %v old", newest, got, s.reads, s.aged, s.oldest)
}

func (d *Driver) newestSettings() int64 {
	d.settings.mu.Lock()
	defer d.settings.mu.Unlock()
	return d.settings.newest
}

// judgeAway wants the settings to have been answered while KV was not there.
func (d *Driver) judgeAway() judge.Check {
	s := &d.settings
	s.mu.Lock()
	defer s.mu.Unlock()
	return judge.Checkf("settings without KV", s.failed == 0 && s.aged > 0, "%d reads were answered out of the Worker's memory, which said how old they were: up to %v; %d were not answered", s.aged, s.oldest, s.failed)
}
