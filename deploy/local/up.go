//go:build unix

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/scenarios"
)

func up(ctx context.Context, w world, args []string) error {
	if slices.Equal(args, []string{server.ObservabilityProfile}) {
		return upObservability(ctx, w)
	}
	needed, err := servers(args)
	if err != nil {
		return err
	}
	c, err := w.open(ctx)
	if err != nil {
		return err
	}
	if c.Provider() == server.Docker && len(args) == 1 {
		if sc, found := scenarios.Find(args[0]); found {
			_, err := upProfile(ctx, w, c, sc)
			return err
		}
	}
	set, err := c.Up(ctx, needed...)
	if err != nil {
		return err
	}
	printEnv(w, set)
	return nil
}

func install(ctx context.Context, w world, args []string) error {
	needed, err := servers(args)
	if err != nil {
		return err
	}
	c, err := w.open(ctx)
	if err != nil {
		return err
	}
	if c.Provider() != server.Native {
		return usageError{fmt.Sprintf("servers come from %s here: PROVIDER=native installs", c.Provider())}
	}
	return c.Install(ctx, needed...)
}

func printEnv(w world, set *server.Set) {
	env := set.Env()
	for _, key := range slices.Sorted(maps.Keys(env)) {
		fmt.Fprintf(w.out, "%s=%s\n", key, env[key])
	}
}

// upProfile brings up a scenario with its roles, because Docker can build them.
func upProfile(ctx context.Context, w world, c *server.Cloud, sc scenarios.Scenario) ([]server.RoleContainer, error) {
	env, roles, err := stack.ComposeEnv(ctx, c, sc)
	if err != nil {
		return nil, err
	}
	collects, err := c.RunsCollector(ctx)
	if err != nil {
		return nil, err
	}
	if collects && os.Getenv(tracesTo) == "" {
		env = append(env, tracesTo+"=http://collector:4318")
	}
	set, err := c.UpProfile(ctx, sc.Slug, env, roles, sc.Needs...)
	if err != nil {
		return nil, err
	}
	printEnv(w, set)
	fmt.Fprintf(w.out, "%s runs in containers:\n", sc.Title)
	for _, r := range roles {
		fmt.Fprintf(w.out, "  %s  http://127.0.0.1:%d  (metrics and administration: http://127.0.0.1:%d)\n", r.Name, r.Port, r.AdminPort)
	}
	return roles, nil
}

// tracesTo tells roles where their traces go.
const tracesTo = "OTEL_EXPORTER_OTLP_ENDPOINT"

// upObservability starts what shows traces and metrics. Scenarios that come up later
// send to it.
func upObservability(ctx context.Context, w world) error {
	c, err := w.open(ctx)
	if err != nil {
		return err
	}
	if c.Provider() != server.Docker {
		return usageError{server.ObservabilityProfile + " runs in containers, with those of a scenario: it needs Docker"}
	}
	var names []string
	for _, d := range server.Observability() {
		names = append(names, d.Name)
	}
	set, err := c.UpProfile(ctx, server.ObservabilityProfile, nil, nil, names...)
	if err != nil {
		return err
	}
	printEnv(w, set)
	return nil
}

// servers returns what the arguments stand for: slugs and names of servers, or
// nothing for everything that scenarios with code need.
func servers(args []string) ([]string, error) {
	if len(args) == 0 {
		args = running()
	}
	var needed []string
	for _, arg := range args {
		if slices.Contains(server.Names(), arg) {
			needed = append(needed, arg)
			continue
		}
		sc, found := scenarios.Find(arg)
		if !found || !sc.Starts() {
			return nil, usageError{fmt.Sprintf("no scenario or server %q: there are %s", arg,
				strings.Join(append(running(), server.Names()...), ", "))}
		}
		needed = append(needed, sc.Needs...)
	}
	return needed, nil
}

func down(ctx context.Context, w world, args []string) error {
	if len(args) > 0 {
		var err error
		if args, err = servers(args); err != nil {
			return err
		}
	}
	c, err := w.look()
	if err != nil {
		return err
	}
	return c.Down(ctx, args...)
}

func clean(ctx context.Context, w world, args []string) error {
	if len(args) > 0 {
		return usageError{"clean takes no argument: it removes the state of all scenarios"}
	}
	c, err := w.look()
	if err != nil {
		return err
	}
	return c.Clean(ctx)
}
