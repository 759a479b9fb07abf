// Command api serves redirects and the links' API. It takes its configuration
// from the environment; `api healthcheck` asks a running one whether it is ready.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/redis/go-redis/v9"

	"github.com/provingground/provingground/scenarios/urlshortener"
)

// errUsage marks what the operator has to mend: exit code 2.
var errUsage = errors.New("configuration")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Getenv, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		if errors.Is(err, errUsage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if len(args) == 1 && args[0] == "healthcheck" {
		return healthcheck(ctx, env("ADDR"))
	}
	if len(args) > 0 {
		return fmt.Errorf("%w: unknown argument %q: the only one is healthcheck", errUsage, args[0])
	}
	cfg, err := configFrom(env)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	redisOptions, err := redisFrom(env)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	awsConfig, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("%w: AWS: %w", errUsage, err)
	}
	if awsConfig.Region == "" {
		return fmt.Errorf("%w: AWS_REGION must be set", errUsage)
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
	v := vars{env: env}
	cfg := urlshortener.Config{
		Addr:       v.listen("ADDR"),
		AdminAddr:  v.listen("ADMIN_ADDR"),
		Public:     v.url("PUBLIC_URL"),
		Table:      v.required("LINKS_TABLE"),
		StoreReads: v.number("STORE_READS_PER_SECOND", 150),
		Admit:      v.number("ADMIT_PER_SECOND", 20_000),
		CodeKey:    []byte(v.secret("CODE_KEY")),
		AdminToken: v.secret("ADMIN_TOKEN"),
		DrainDelay: v.duration("DRAIN_DELAY", 2*time.Second),
	}
	return cfg, v.err
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

// vars reads variables and keeps the first complaint.
type vars struct {
	env func(string) string
	err error
}

func (v *vars) complain(name, want string) {
	if v.err == nil {
		v.err = fmt.Errorf("%s must be %s", name, want)
	}
}

func (v *vars) required(name string) string {
	s := v.env(name)
	if s == "" {
		v.complain(name, "set")
	}
	return s
}

func (v *vars) listen(name string) string {
	s := v.env(name)
	_, port, err := net.SplitHostPort(s)
	if _, errPort := strconv.ParseUint(port, 10, 16); err != nil || errPort != nil {
		v.complain(name, "an address to listen on, such as 127.0.0.1:8080")
	}
	return s
}

func (v *vars) secret(name string) string {
	s := v.env(name)
	if len(s) < 32 {
		v.complain(name, "a secret of at least 32 characters")
	}
	return s
}

func (v *vars) url(name string) *url.URL {
	u, err := url.Parse(v.env(name))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		v.complain(name, "an http or https URL")
		return &url.URL{}
	}
	return u
}

func (v *vars) number(name string, otherwise float64) float64 {
	s := v.env(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n > 0 && n < 1e9) {
		v.complain(name, "a positive number")
	}
	return n
}

func (v *vars) duration(name string, otherwise time.Duration) time.Duration {
	s := v.env(name)
	if s == "" {
		return otherwise
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > time.Minute {
		v.complain(name, "a duration up to 1m, such as 2s")
	}
	return d
}

// healthcheck is what a container without a shell runs.
func healthcheck(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("%w: ADDR: %w", errUsage, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("healthcheck: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("healthcheck: %s", resp.Status)
	}
	return nil
}
