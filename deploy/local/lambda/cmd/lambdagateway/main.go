//go:build unix

// Command lambdagateway serves a Lambda function over HTTP on this machine, in the
// part of API Gateway:
//
//	FUNCTION=PROGRAM ADDR=127.0.0.1:8080 ADMIN_ADDR=127.0.0.1:9090 lambdagateway
//
// The program is a function of the runtime provided.al2023. It gets our environment.
// CONCURRENCY is the function's reserved concurrency and PROVISIONED how many
// environments are started ahead; this process has 1/SHARES of both. TIMEOUT is that
// of a request, IDLE how long an unused environment lives, LOG a file that gets what
// the environments print. What the host did is in /metrics of the administration
// listener. `lambdagateway healthcheck` asks a running one whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/provingground/provingground/deploy/local/lambda"
	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
)

func main() { role.Main("lambdagateway", run) }

func run(ctx context.Context, env func(string) string, args []string, _ io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	shares := int(v.Number("SHARES", 1))
	f := lambda.Function{
		Name: v.Required("NAME"), Path: v.Required("FUNCTION"), Env: inherited(os.Environ()), Log: env("LOG"),
		Timeout: v.Duration("TIMEOUT", 10*time.Second), Idle: v.Duration("IDLE", 30*time.Second),
		Concurrency: max(1, int(v.Number("CONCURRENCY", 10))/max(1, shares)), Provisioned: int(v.Number("PROVISIONED", 0)) / max(1, shares),
	}
	addr, admin, drain := v.Listen("ADDR"), v.Listen("ADMIN_ADDR"), v.Duration("DRAIN_DELAY", 2*time.Second)
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	host, err := lambda.Start(f)
	if err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	defer host.Close()
	return role.Service{
		Addr: addr, AdminAddr: admin, Public: lambda.Gateway(host), Admin: metrics(f.Name, host), Drain: drain,
		Work: func(ctx context.Context, ready func()) error { host.AwaitProvisioned(ctx); ready(); return nil },
	}.Run(ctx)
}

// inherited is our environment without what is ours alone.
func inherited(all []string) (env []string) {
	for _, kv := range all {
		switch name, _, _ := strings.Cut(kv, "="); name {
		case "ADDR", "ADMIN_ADDR", "NAME", "FUNCTION", "LOG", "PATH":
		default:
			env = append(env, kv)
		}
	}
	return env
}

// metrics are the host's counts, named for the function: <name>_lambda_….
func metrics(name string, host *lambda.Host) http.Handler {
	registry := prometheus.NewRegistry()
	prefix := strings.ReplaceAll(name, "-", "_") + "_lambda_"
	for what, value := range map[string]func(lambda.Stats) int{
		"environments":      func(s lambda.Stats) int { return s.Environments },
		"cold_starts_total": func(s lambda.Stats) int { return s.ColdStarts },
		"throttled_total":   func(s lambda.Stats) int { return s.Throttled },
		"ended_total":       func(s lambda.Stats) int { return s.Ended },
	} {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: prefix + what, Help: "Of the host: " + what + "."},
			func() float64 { return float64(value(host.Stats())) }))
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}
