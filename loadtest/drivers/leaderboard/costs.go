package leaderboard

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/provingground/provingground/loadtest/trial"
)

// costs follows what reads cost Redis: the commands that the processes say they
// sent, and those that Redis counts, which are more, for it counts what a script
// does one by one.
type costs struct {
	mu          sync.Mutex
	first, last sample
}

// sample is the state of the counters at one time.
type sample struct {
	reads, sent, counted float64
}

const sentCommands = "leaderboard_redis_commands_total"

// watch takes a sample every second while there are reads.
func (c *costs) watch(ctx context.Context, d *Driver) {
	client, err := d.redis()
	if err != nil {
		return
	}
	defer client.Close()
	for sleep(ctx, time.Second) {
		c.add(sample{
			reads:   float64(d.reads.Load()),
			sent:    scrapeSent(ctx, d.setup),
			counted: countedBy(ctx, client),
		})
	}
}

// add keeps the first sample and the last one that has more reads.
func (c *costs) add(s sample) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.reads == 0 || s.sent == 0 || s.counted == 0 {
		return
	}
	if c.first.reads == 0 {
		c.first = s
	}
	if s.reads > c.last.reads {
		c.last = s
	}
}

func (c *costs) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.first, c.last = sample{}, sample{}
}

// perRead returns the commands for each read: sent, and as Redis counts them.
func (c *costs) perRead() (sent, counted float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	reads := max(1, c.last.reads-c.first.reads)
	return (c.last.sent - c.first.sent) / reads, (c.last.counted - c.first.counted) / reads
}

func scrapeSent(ctx context.Context, s trial.Setup) float64 { return s.Scrape(ctx)[sentCommands] }

func (d *Driver) redis() (*redis.Client, error) {
	options, err := redis.ParseURL(d.setup.Env()["REDIS_URL"])
	if err != nil {
		return nil, err
	}
	return redis.NewClient(options), nil
}

// countedBy returns Redis's own count of commands, or 0 when it is away.
func countedBy(ctx context.Context, client *redis.Client) float64 {
	info, err := client.Info(ctx, "stats").Result()
	if err != nil {
		return 0
	}
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "total_commands_processed:"); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0
			}
			return n
		}
	}
	return 0
}

func perThousand(n float64) string { return fmt.Sprintf("%.1f per 1,000 reads", 1000*n) }
