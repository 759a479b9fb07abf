//go:build unix

package edgeapi_test

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/provingground/provingground/scenarios/edgeapi"
)

// near is a Near before a colo's cache, in which nothing is yet.
func near(t *testing.T) (*edgeapi.Near, *colo, *clock) {
	t.Helper()
	behind := &colo{entries: map[string]edgeapi.Entry{}}
	now := &clock{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	n, err := edgeapi.NewNear(behind, now.Now, atOnce, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return n, behind, now
}

// entry ends ten seconds from now.
func entry(now *clock, tag string, size int) edgeapi.Entry {
	return edgeapi.Entry{ETag: tag, Read: now.Now(), Until: now.Now().Add(edgeapi.FreshFor), Body: bytes.Repeat([]byte("x"), size)}
}

func (c *colo) holds(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, found := c.entries[key]
	return found
}

func tagOf(t *testing.T, n *edgeapi.Near, key string) string {
	t.Helper()
	e, err := n.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if e == nil {
		return ""
	}
	return e.ETag
}

func TestNearAnswersFromMemoryUntilTheEntryEnds(t *testing.T) {
	n, behind, now := near(t)
	if err := n.Put(t.Context(), "k", entry(now, "old", 10)); err != nil {
		t.Fatal(err)
	}
	if behind.holds("k") {
		t.Error("what nobody asked for again is in the cache behind")
	}
	now.Add(5 * time.Second)
	if got := tagOf(t, n, "k"); got != "old" || !behind.holds("k") {
		t.Errorf("asked again: %q, in the cache behind: %v", got, behind.holds("k"))
	}
	newer := entry(now, "new", 10) // by another instance
	if err := behind.Put(t.Context(), "k", newer); err != nil {
		t.Fatal(err)
	}
	now.Add(5*time.Second - time.Millisecond)
	if got := tagOf(t, n, "k"); got != "old" {
		t.Errorf("before its end the entry in memory is not served: %q", got)
	}
	now.Add(time.Millisecond)
	if got := tagOf(t, n, "k"); got != "new" {
		t.Errorf("after its end %q is served", got)
	}
}

func TestNearForgetsInBothCaches(t *testing.T) {
	n, behind, now := near(t)
	if err := n.Put(t.Context(), "k", entry(now, "e", 10)); err != nil {
		t.Fatal(err)
	}
	tagOf(t, n, "k")
	if err := n.Delete(t.Context(), "k"); err != nil || behind.holds("k") || tagOf(t, n, "k") != "" {
		t.Errorf("after Delete (%v) the entry is there: behind %v, near %q", err, behind.holds("k"), tagOf(t, n, "k"))
	}
}

// purging is a colo's cache whose Put is overtaken by a write.
type purging struct {
	*colo
	purge func()
}

func (p *purging) Put(ctx context.Context, key string, e edgeapi.Entry) error {
	p.purge()
	return p.colo.Put(ctx, key, e)
}

func TestWhatIsPurgedWhileItIsSharedDoesNotStay(t *testing.T) {
	behind := &purging{colo: &colo{entries: map[string]edgeapi.Entry{}}}
	now := &clock{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	n, err := edgeapi.NewNear(behind, now.Now, atOnce, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	behind.purge = func() {
		if err := n.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
	}
	if err := n.Put(t.Context(), "k", entry(now, "old", 10)); err != nil {
		t.Fatal(err)
	}
	tagOf(t, n, "k") // is given to the cache behind
	if behind.holds("k") || tagOf(t, n, "k") != "" {
		t.Error("what was purged is served again")
	}
}

func TestNearKeepsNoMoreThanItMay(t *testing.T) {
	n, behind, now := near(t)
	put := func(key string, size int) {
		if err := n.Put(t.Context(), key, entry(now, key, size)); err != nil {
			t.Fatal(err)
		}
	}
	put("large", 16<<10+1)
	for i := range 1025 {
		put(strconv.Itoa(i), 16<<10)
	}
	clear(behind.entries)
	for key, want := range map[string]string{"large": "", "0": "", "1": "1", "1024": "1024"} {
		if got := tagOf(t, n, key); got != want {
			t.Errorf("memory has %q for %s, want %q", got, key, want)
		}
	}
}
