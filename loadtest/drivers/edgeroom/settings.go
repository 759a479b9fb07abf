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
	replaced  []replaced       // in the sequence of their acknowledgements
	stalest   time.Duration    // how long ago what was read had been replaced
	last      int64            // version that was read
	backwards int              // reads of an older version than the one before
	reads     int
	aged      int           // reads that the Worker answered out of its memory
	oldest    time.Duration // of them
	failed    int           // reads that were answered, and not with settings
}

// replaced is when a version was acknowledged, which made all before it old.
type replaced struct {
	version int64
	at      time.Duration
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
	d.settings.wrote(got.Version, d.now())
}

func (s *settings) wrote(version int64, at time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest = max(s.newest, version)
	s.replaced = append(s.replaced, replaced{version, at})
}

// readSettings returns the version; 0 where there is none.
func (d *Driver) readSettings(ctx context.Context, c *clients, k int64) int64 {
	called := d.now()
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
	d.settings.read(got.Version, called)
	return got.Version
}

// read notes how old a version is that was asked for at a time.
func (s *settings) read(version int64, called time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if version < s.last {
		s.backwards++
	}
	s.last = version
	for _, r := range s.replaced {
		if r.version > version {
			s.stalest = max(s.stalest, called-r.at)
			return
		}
	}
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
	return judge.Checkf("settings", newest > 0 && got >= newest && s.stalest <= settingsOld,
		"version %d was acknowledged and version %d is there; %d reads, %d of an older version than the one before, the oldest replaced %v before it was asked for; %d out of the Worker's memory and up to %v old",
		newest, got, s.reads, s.backwards, s.stalest.Round(time.Millisecond), s.aged, s.oldest)
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

// judgeColos wants settings to have stepped back while a colo was behind.
func (d *Driver) judgeColos(late time.Duration) judge.Check {
	s := &d.settings
	s.mu.Lock()
	defer s.mu.Unlock()
	return judge.Checkf("settings of two colos", s.backwards > 0, "one colo heard of each version %v later (stand-in), and %d reads stepped back; each said which version it is", late, s.backwards)
}
