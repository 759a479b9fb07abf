// Command api serves the board and takes scores. It takes its configuration
// from the environment; `api healthcheck` asks a running one whether it is ready.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/redis/go-redis/v9"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/leaderboard"
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
	awsConfig.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 2
			o.MaxBackoff = 50 * time.Millisecond
		})
	}
	rdb := redis.NewClient(redisOptions)
	defer rdb.Close()
	return leaderboard.Run(ctx, cfg, leaderboard.Clients{
		DynamoDB: dynamodb.NewFromConfig(awsConfig),
		Streams:  dynamodbstreams.NewFromConfig(awsConfig),
		Redis:    rdb,
	}, slog.New(slog.NewJSONHandler(out, nil)))
}

func configFrom(env func(string) string) (leaderboard.Config, error) {
	v := envvars.New(env)
	cfg := leaderboard.Config{
		Addr:       v.Listen("ADDR"),
		AdminAddr:  v.Listen("ADMIN_ADDR"),
		Players:    v.Required("PLAYERS_TABLE"),
		Keys:       v.Required("KEYS_TABLE"),
		Admit:      v.Number("ADMIT_PER_SECOND", 100_000),
		AdminToken: v.Secret("ADMIN_TOKEN"),
		DrainDelay: v.Duration("DRAIN_DELAY", 2*time.Second),
	}
	return cfg, v.Err()
}

// redisFrom bounds every wait on Redis. The pages do not depend on it, so a
// few connections are enough.
func redisFrom(env func(string) string) (*redis.Options, error) {
	o, err := redis.ParseURL(env("REDIS_URL"))
	if err != nil {
		return nil, errors.New("REDIS_URL must be a Redis URL, such as redis://127.0.0.1:6379/0")
	}
	o.MaxRetries = -1 // whoever asks, asks again
	o.DialTimeout = 250 * time.Millisecond
	o.ReadTimeout = time.Second // a thousand players in one script, beside a rebuild
	o.WriteTimeout = time.Second
	o.PoolTimeout = 250 * time.Millisecond
	o.PoolSize = 16
	o.ContextTimeoutEnabled = true
	return o, nil
}
