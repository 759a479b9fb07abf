package urlshortener

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/redis/go-redis/v9"

	"github.com/provingground/provingground/pkg/checkedcode"
	"github.com/provingground/provingground/pkg/role"
)

// Config is what an api process needs to know.
type Config struct {
	Addr, AdminAddr string
	Public          *url.URL      // where short links point: the balancer
	Table           string        // DynamoDB table
	StoreReads      float64       // reads per second that misses may cost the store, for this process
	Admit           float64       // requests per second that this process takes on
	CodeKey         []byte        // the same in every process, for ever
	AdminToken      string        // for the administration listener
	DrainDelay      time.Duration // from unready until the listener closes: longer than the balancer's check
}

const (
	readHeaderTimeout = 5 * time.Second
	idleTimeout       = 2 * time.Minute
)

// Run serves until ctx ends, then drains: it turns unready, waits, stops
// accepting, finishes what runs and flushes the clicks.
func Run(ctx context.Context, cfg Config, db *dynamodb.Client, rdb *redis.Client, log *slog.Logger) error {
	api, err := newProcess(cfg, db, rdb, log)
	if err != nil {
		return err
	}
	defer api.service.memory.close()

	listeners, err := role.Listen(
		role.Listener{Purpose: "redirects", Addr: cfg.Addr, Server: &http.Server{
			Handler: api, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: 10 * time.Second, IdleTimeout: idleTimeout, MaxHeaderBytes: 16 << 10,
		}},
		role.Listener{Purpose: "administration", Addr: cfg.AdminAddr, Server: &http.Server{
			Handler: newAdmin(api, cfg.AdminToken), ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: 16 << 10,
		}},
	)
	if err != nil {
		return err
	}

	// Background work outlives the listeners: clicks of the last requests count.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var workers sync.WaitGroup
	workers.Go(func() { api.service.clicks.run(background) })
	workers.Go(func() { api.service.shared.listen(background, log, api.service.memory.drop) })
	defer workers.Wait()
	defer stop()

	return listeners.Serve(ctx, cfg.DrainDelay, api.SetReady)
}

func newProcess(cfg Config, db *dynamodb.Client, rdb *redis.Client, log *slog.Logger) (*API, error) {
	m := newMetrics()
	store := newStore(db, cfg.Table)
	shared := newSharedCache(rdb, time.Now)
	memory, err := newMemoryCache(shared, store, cfg.StoreReads, m.lookups)
	if err != nil {
		return nil, err
	}
	return newAPI(&Service{
		codes:  checkedcode.NewScheme(cfg.CodeKey),
		tokens: tokens{key: cfg.CodeKey},
		store:  store,
		shared: shared,
		memory: memory,
		clicks: newClicks(shared, m, log),
		log:    log,
		now:    time.Now,
	}, m, cfg.Public, cfg.Admit), nil
}
