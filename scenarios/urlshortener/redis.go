package urlshortener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

const (
	changes    = "urlshortener:changes" // channel: names whose link changed
	recent     = "urlshortener:recent"  // sorted set: those names with the time, for who was not listening
	sharedLife = 24 * time.Hour         // an entry that nobody asks for
	goneLife   = 10 * time.Minute       // a tombstone
	barrier    = time.Minute            // longer than any memory cache entry lives
	recentLife = 2 * barrier            // clocks may be a minute apart
	clicksLife = 90 * 24 * time.Hour    // after the last click

	listenPulse = time.Second            // of silence, after which Redis is asked whether it is there
	listenPause = 100 * time.Millisecond // between two attempts to listen
)

// An entry of the shared cache is a string: a letter (L live, G gone, B
// barrier), the version, and for live links expiry in milliseconds and target.
//
// A version never replaces a newer one, and nothing that was merely read
// replaces a barrier: that is what keeps a slow fill from bringing back a
// deleted link (the lease of Nishtala et al., "Scaling Memcache at Facebook",
// NSDI 2013, with the store's version as its token).
func offer() *redis.Script {
	return redis.NewScript(`
local held = redis.call('GET', KEYS[1])
if held then
  local kind = string.sub(held, 1, 1)
  if kind == 'B' and ARGV[4] == 'read' then return 0 end
  if kind ~= 'B' and tonumber(string.match(held, '^.(%d+)')) > tonumber(ARGV[2]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1`)
}

// sharedCache is the layer that the processes have in common, and their way to
// tell each other. It is never the truth: every method may fail and the caller
// goes on, except raiseBarrier.
type sharedCache struct {
	client  *redis.Client
	breaker *gobreaker.CircuitBreaker[string]
	offer   *redis.Script
	now     func() time.Time
}

func newSharedCache(client *redis.Client, now func() time.Time) *sharedCache {
	return &sharedCache{client: client, breaker: newBreaker(), offer: offer(), now: now}
}

// newBreaker spares reads the wait for a Redis that does not answer: after five
// failures in a row none is tried for half a second, then one.
func newBreaker() *gobreaker.CircuitBreaker[string] {
	return gobreaker.NewCircuitBreaker[string](gobreaker.Settings{
		Timeout:     500 * time.Millisecond,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 5 },
		IsSuccessful: func(err error) bool {
			return err == nil || errors.Is(err, redis.Nil) || errors.Is(err, context.Canceled)
		},
	})
}

// what a lookup found.
type found int

const (
	foundNothing found = iota
	foundEntry
	foundBarrier // a change is under way: ask the store, and do not offer what it says
)

// get looks a name up.
func (c *sharedCache) get(ctx context.Context, name string) (Link, found, error) {
	value, err := c.breaker.Execute(func() (string, error) { return c.client.Get(ctx, linkKey(name)).Result() })
	if errors.Is(err, redis.Nil) {
		return Link{}, foundNothing, nil
	}
	if err != nil {
		return Link{}, foundNothing, fmt.Errorf("shared cache: %w", err)
	}
	if strings.HasPrefix(value, "B") {
		return Link{}, foundBarrier, nil
	}
	link, ok := decodeShared(name, value)
	if !ok {
		return Link{}, foundNothing, nil // another version's format: as good as a miss
	}
	return link, foundEntry, nil
}

// put offers what was read from the store to the other processes.
func (c *sharedCache) put(ctx context.Context, link Link) error {
	return c.write(ctx, link, "read")
}

// announce makes a committed change known to the shared cache and then to the
// memory of every process.
func (c *sharedCache) announce(ctx context.Context, links ...Link) error {
	now := c.now()
	pipe := c.client.Pipeline()
	pipe.ZRemRangeByScore(ctx, recent, "-inf", strconv.FormatInt(now.Add(-recentLife).UnixMilli(), 10))
	for _, link := range links {
		c.offer.Eval(ctx, pipe, []string{linkKey(link.Code)}, c.args(link, "change")...)
		pipe.ZAdd(ctx, recent, redis.Z{Score: float64(now.UnixMilli()), Member: link.Code})
		pipe.Publish(ctx, changes, link.Code)
		if link.Deleted {
			pipe.Del(ctx, clicksKey(link.Code))
		}
	}
	pipe.Expire(ctx, recent, recentLife)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("shared cache: announce: %w", err)
	}
	return nil
}

// raiseBarrier makes everybody ask the store for this name, for a minute. It
// comes before the change, so that no crash after it leaves a stale entry.
func (c *sharedCache) raiseBarrier(ctx context.Context, name string) error {
	if err := c.client.Set(ctx, linkKey(name), "B", barrier).Err(); err != nil {
		return fmt.Errorf("%w: shared cache: %w", ErrUnavailable, err)
	}
	return nil
}

func (c *sharedCache) write(ctx context.Context, link Link, why string) error {
	if err := c.offer.Run(ctx, c.client, []string{linkKey(link.Code)}, c.args(link, why)...).Err(); err != nil {
		return fmt.Errorf("shared cache: write: %w", err)
	}
	return nil
}

func (c *sharedCache) args(link Link, why string) []any {
	value, life := "G"+strconv.FormatInt(link.Version, 10), goneLife
	if link.liveAt(c.now()) {
		value, life = encodeShared(link), sharedLife
		if !link.Expires.IsZero() {
			life = min(life, link.Expires.Sub(c.now()))
		}
	}
	return []any{value, link.Version, max(life.Milliseconds(), 1), why}
}

// listen calls changed with every name that any process announces, until ctx
// ends. Whenever it begins to listen, also after its connection was lost, it
// catches up on what was announced before. What Redis lost itself, the age limit of
// the memory cache bounds.
func (c *sharedCache) listen(ctx context.Context, log *slog.Logger, changed func(name string)) {
	for told := false; ctx.Err() == nil; {
		err := c.follow(ctx, func(name string) { told = false; changed(name) })
		if ctx.Err() == nil && !told {
			told = true
			log.Warn("does not hear of changes: asks for them again until it does", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(listenPause):
		}
	}
}

// follow is one subscription, until it breaks. go-redis's own channel takes a
// connection for alive as long as it can be written to, which one whose other end is
// gone without a word can for minutes: here, who is asked must answer.
func (c *sharedCache) follow(ctx context.Context, changed func(name string)) error {
	sub := c.client.Subscribe(ctx, changes)
	defer sub.Close()
	defer context.AfterFunc(ctx, func() { sub.Close() })() // wakes the receiver
	for asked := false; ; {
		m, err := sub.ReceiveTimeout(ctx, listenPulse)
		var silence net.Error
		if !asked && errors.As(err, &silence) && silence.Timeout() {
			asked = true
			if err := sub.Ping(ctx); err != nil {
				return fmt.Errorf("shared cache: ask whether it is there: %w", err)
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("shared cache: listen: %w", err)
		}
		asked = false
		switch m := m.(type) {
		case *redis.Subscription:
			if err := c.catchUp(ctx, changed); err != nil {
				return err
			}
		case *redis.Message:
			changed(m.Payload)
		}
	}
}

// catchUp calls changed with every name of the last two minutes.
func (c *sharedCache) catchUp(ctx context.Context, changed func(name string)) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	names, err := c.client.ZRange(ctx, recent, 0, -1).Result()
	if err != nil {
		return fmt.Errorf("shared cache: recent changes: %w", err)
	}
	for _, name := range names {
		changed(name)
	}
	return nil
}

// addClicks adds counts of one batch. If it fails the outcome is unknown: a
// repeated batch may count twice.
func (c *sharedCache) addClicks(ctx context.Context, batch map[string]int64) error {
	pipe := c.client.Pipeline()
	for name, n := range batch {
		pipe.IncrBy(ctx, clicksKey(name), n)
		pipe.Expire(ctx, clicksKey(name), clicksLife)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("add clicks of %d links: %w", len(batch), err)
	}
	return nil
}

func (c *sharedCache) clicksOf(ctx context.Context, name string) (int64, error) {
	n, err := c.client.Get(ctx, clicksKey(name)).Int64()
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, fmt.Errorf("%w: read clicks: %w", ErrUnavailable, err)
	}
	return n, nil
}

func linkKey(name string) string   { return "urlshortener:link:" + name }
func clicksKey(name string) string { return "urlshortener:clicks:" + name }

func encodeShared(l Link) string {
	var expires int64
	if !l.Expires.IsZero() {
		expires = l.Expires.UnixMilli()
	}
	return "L" + strconv.FormatInt(l.Version, 10) + "|" + strconv.FormatInt(expires, 10) + "|" + l.Target
}

func decodeShared(name, value string) (Link, bool) {
	if len(value) < 2 {
		return Link{}, false
	}
	fields := strings.SplitN(value[1:], "|", 3)
	version, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return Link{}, false
	}
	link := Link{Code: name, Version: version, Deleted: value[0] == 'G'}
	if link.Deleted {
		return link, true
	}
	if value[0] != 'L' || len(fields) != 3 {
		return Link{}, false
	}
	expires, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return Link{}, false
	}
	if expires != 0 {
		link.Expires = time.UnixMilli(expires)
	}
	link.Target = fields[2]
	return link, true
}
