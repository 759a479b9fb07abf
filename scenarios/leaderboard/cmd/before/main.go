// Command before serves the board as most begin, with a Redis query for every
// read. It is measured beside api, and is no part of the service.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/leaderboard"
)

func main() { role.Main("before", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	addr, admin, drain := v.Listen("ADDR"), v.Listen("ADMIN_ADDR"), v.Duration("DRAIN_DELAY", 2*time.Second)
	options, err := redis.ParseURL(env("REDIS_URL"))
	if err != nil {
		v.Complain("REDIS_URL", "a Redis URL, such as redis://127.0.0.1:6379/0")
	}
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	options.PoolSize = 64 // every read holds one
	rdb := redis.NewClient(options)
	defer rdb.Close()
	return leaderboard.RunBefore(ctx, addr, admin, drain, rdb, slog.New(slog.NewJSONHandler(out, nil)))
}
