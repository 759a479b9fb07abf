package urlshortener

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

const (
	memoryEntries = 15_000           // 15 % of 100,000 links: with Zipf's law and 300 store reads/s, over 80 % is served without Redis
	unknownLife   = time.Second      // of a name that does not resolve
	liveLife      = time.Minute      // the bound when an announcement was lost
	refreshAfter  = 15 * time.Second // plus jitter; while Redis is away an entry lives on to its bound
	refreshJitter = 10 * time.Second
	loadTimeout   = time.Second // for both layers behind, together
)

// errCapped says that the layer in front of the store let no more reads through.
var errCapped = fmt.Errorf("%w: store reads are at their cap", ErrUnavailable)

// entry is a link as the redirect needs it. Header values are made once.
type entry struct {
	link     Link
	location []string
}

func newEntry(link Link) *entry { return &entry{link: link, location: []string{link.Target}} }

// memoryCache is this process's share of the hot links, over the shared cache,
// over the store. It loads a name once however many ask, and drops what it
// loaded if the name changed meanwhile (otter: "a write or an invalidation of
// key during the load discards the loaded value").
type memoryCache struct {
	cache  *otter.Cache[string, *entry]
	loader loader
	seen   *lookups
}

func newMemoryCache(shared *sharedCache, store *store, readsPerSecond float64, seen *lookups) (*memoryCache, error) {
	cache, err := otter.New(&otter.Options[string, *entry]{
		MaximumSize:       memoryEntries,
		ExpiryCalculator:  otter.ExpiryWritingFunc(lifeOf),
		RefreshCalculator: refreshSchedule{},
		Logger:            &otter.NoopLogger{}, // a failed refresh is counted where it fails
	})
	if err != nil {
		return nil, fmt.Errorf("memory cache: %w", err)
	}
	return &memoryCache{
		cache: cache,
		seen:  seen,
		loader: loader{
			shared: shared,
			store:  store,
			reads:  rate.NewLimiter(rate.Limit(readsPerSecond), max(1, int(readsPerSecond/10))),
			seen:   seen,
		},
	}, nil
}

// get returns the entry of a name, which may be one that does not resolve.
func (m *memoryCache) get(ctx context.Context, name string) (*entry, error) {
	m.seen.asked.Inc()
	return m.cache.Get(ctx, name, m.loader)
}

// drop forgets a name, and what a load under way is about to bring.
func (m *memoryCache) drop(name string) { m.cache.Invalidate(name) }

func (m *memoryCache) holds(name string) bool {
	_, ok := m.cache.GetEntryQuietly(name)
	return ok
}

// close waits for nothing: refreshes under way end by their own timeout.
func (m *memoryCache) close() { m.cache.StopAllGoroutines() }

// loader asks the layers behind the memory cache.
type loader struct {
	shared *sharedCache
	store  *store
	reads  *rate.Limiter
	seen   *lookups
}

// Load serves a miss: shared cache, then the store as far as the cap allows.
func (l loader) Load(ctx context.Context, name string) (*entry, error) {
	// The first of many waiters may hang up: the others want the answer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
	defer cancel()
	l.seen.memoryMiss.Inc()
	link, hit, err := l.shared.get(ctx, name)
	l.seen.shared(hit, err)
	if hit == foundEntry {
		return newEntry(link), nil
	}
	if !l.reads.Allow() {
		l.seen.capped.Inc()
		return nil, errCapped
	}
	return l.fromStore(ctx, name, err == nil && hit == foundNothing)
}

// Reload renews an entry before its time. It spends no store reads on names
// that the shared cache would answer if it were there.
func (l loader) Reload(ctx context.Context, name string, _ *entry) (*entry, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	link, hit, err := l.shared.get(ctx, name)
	if err != nil {
		return nil, err
	}
	if hit == foundEntry {
		return newEntry(link), nil
	}
	if !l.reads.Allow() {
		return nil, errCapped
	}
	return l.fromStore(ctx, name, hit == foundNothing)
}

func (l loader) fromStore(ctx context.Context, name string, offer bool) (*entry, error) {
	link, err := l.store.get(ctx, name)
	if err != nil {
		l.seen.storeError.Inc()
		return nil, err
	}
	l.seen.storeRead.Inc()
	// An unknown name is not offered: its creation would have to be seen by all within a second.
	if offer && link.Version > 0 {
		if err := l.shared.put(ctx, link); err != nil {
			l.seen.sharedError.Inc()
		}
	}
	return newEntry(link), nil
}

// lifeOf bounds how long an entry is believed without asking anybody.
func lifeOf(e otter.Entry[string, *entry]) time.Duration {
	if e.Value.link.Target == "" || e.Value.link.Deleted {
		return unknownLife
	}
	return liveLife
}

// refreshSchedule renews live entries early, and not all at once.
type refreshSchedule struct{}

func (refreshSchedule) RefreshAfterCreate(otter.Entry[string, *entry]) time.Duration {
	return refreshAfter + rand.N(refreshJitter)
}

func (s refreshSchedule) RefreshAfterUpdate(e otter.Entry[string, *entry], _ *entry) time.Duration {
	return s.RefreshAfterCreate(e)
}

func (s refreshSchedule) RefreshAfterReload(e otter.Entry[string, *entry], _ *entry) time.Duration {
	return s.RefreshAfterCreate(e)
}

func (refreshSchedule) RefreshAfterReloadFailure(otter.Entry[string, *entry], error) time.Duration {
	return 2*time.Second + rand.N(3*time.Second)
}

// maxAge is what a browser may do without asking: one second, and none in a
// link's last second.
func maxAge(l Link, now time.Time) int {
	if !l.Expires.IsZero() && l.Expires.Sub(now) < time.Second {
		return 0
	}
	return 1
}

func cacheControl(seconds int) string {
	if seconds == 0 {
		return "no-store"
	}
	return "public, max-age=" + strconv.Itoa(seconds)
}
