// Command worker is the Worker of the JSON API.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"github.com/provingground/provingground/pkg/edge"
	"github.com/provingground/provingground/scenarios/edgeapi"
)

func main() {
	if err := run(edge.Env); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(2)
	}
}

// run serves what the environment says. It returns only with an error.
func run(env func(string) string) error {
	api, err := newAPI(env)
	if err != nil {
		return err
	}
	return edge.Serve(edge.App{
		Handler: api.Handler(),
		Scheduled: func(ctx context.Context, _ string, at time.Time) error {
			return api.Items.Purge(ctx, at)
		},
	})
}

func newAPI(env func(string) string) (*edgeapi.API, error) {
	admit, err := strconv.ParseFloat(env("ADMIT_PER_SECOND"), 64)
	if err != nil {
		return nil, fmt.Errorf("ADMIT_PER_SECOND: %w", err)
	}
	timeout, err := time.ParseDuration(env("D1_TIMEOUT"))
	if err != nil {
		return nil, fmt.Errorf("D1_TIMEOUT: %w", err)
	}
	most, err := strconv.ParseInt(env("D1_MOST"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("D1_MOST: %w", err)
	}
	log := slog.New(edge.NewLogHandler(nil))
	later := func(ctx context.Context, f func(context.Context)) {
		if err := edge.Go(ctx, f); err != nil {
			log.Warn("not done beside the answer", "error", err)
		}
	}
	cache, err := edgeapi.NewNear(edgeapi.Colo{Name: env("CACHE")}, time.Now, later, log)
	if err != nil {
		return nil, err
	}
	return &edgeapi.API{
		Items:    edgeapi.Items{DB: &edgeapi.Bounded{DB: edgeapi.D1{Binding: "DB"}, Most: most, Timeout: timeout}},
		Cache:    cache,
		Settings: edgeapi.KV{Binding: "SETTINGS"},
		Token:    env("WRITE_TOKEN"),
		Admit:    &edgeapi.Admission{PerSecond: admit},
		Early:    func() time.Duration { return rand.N(edgeapi.FreshFor * 3 / 10) },
		Log:      log,
		Later:    later,
	}, nil
}
