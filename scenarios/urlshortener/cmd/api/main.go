// Command api serves redirects and the links' API. It takes its configuration
// from the environment; `api healthcheck` asks a running one whether it is ready.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/redis/go-redis/v9"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/urlshortener"
)

func main() { role.Main("api", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	cfg, err := configFrom(env)
	if err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	redisOptions, err := redisFrom(env)
	if err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	awsConfig, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("%w: AWS: %w", role.ErrUsage, err)
	}
	if awsConfig.Region == "" {
		return fmt.Errorf("%w: AWS_REGION must be set", role.ErrUsage)
	}
	db := dynamodb.NewFromConfig(awsConfig, func(o *dynamodb.Options) {
		// The one layer that retries: two attempts, close together. The caller repeats the rest.
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts = 2
			r.MaxBackoff = 50 * time.Millisecond
		})
	})
	rdb := redis.NewClient(redisOptions)
	defer rdb.Close()
	return urlshortener.Run(ctx, cfg, db, rdb, slog.New(slog.NewJSONHandler(out, nil)))
}

func configFrom(env func(string) string) (urlshortener.Config, error) {
	v := envvars.New(env)
	cfg := urlshortener.Config{
		Addr:       v.Listen("ADDR"),
		AdminAddr:  v.Listen("ADMIN_ADDR"),
		Public:     v.URL("PUBLIC_URL"),
		Table:      v.Required("LINKS_TABLE"),
		StoreReads: v.Number("STORE_READS_PER_SECOND", 150),
		Admit:      v.Number("ADMIT_PER_SECOND", 20_000),
		CodeKey:    []byte(v.Secret("CODE_KEY")),
		AdminToken: v.Secret("ADMIN_TOKEN"),
		DrainDelay: v.Duration("DRAIN_DELAY", 2*time.Second),
	}
	return cfg, v.Err()
}

// redisFrom bounds every wait on Redis: a cache that is slower than the store is no help.
func redisFrom(env func(string) string) (*redis.Options, error) {
	o, err := redis.ParseURL(env("REDIS_URL"))
	if err != nil {
		return nil, errors.New("REDIS_URL must be a Redis URL, such as redis://127.0.0.1:6379/0")
	}
	o.MaxRetries = -1 // the circuit breaker decides
	o.DialTimeout = 250 * time.Millisecond
	o.ReadTimeout = 250 * time.Millisecond
	o.WriteTimeout = 250 * time.Millisecond
	o.PoolTimeout = 250 * time.Millisecond
	o.PoolSize = 32
	o.ContextTimeoutEnabled = true
	return o, nil
}
