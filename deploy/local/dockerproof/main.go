//go:build linux

// Command dockerproof proves that docker-compose.yml works, on a machine that
// reaches no image registry: it starts an engine of its own where none answers,
// builds stand-ins for the images of vendors, and runs scenarios in containers.
//
//	go run ./deploy/local/dockerproof [-all] [slug ...]
//
// Without a slug it takes those of every push, with -all every scenario and all of
// them together. The slug observability stands for what shows traces and metrics. It
// prints which images of vendors did not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/scenarios"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "dockerproof:", err)
	os.Exit(exitCode(err))
}

var (
	errUsage  = errors.New("usage")
	errCannot = errors.New("not possible on this machine")
)

// exitCode: 1 for what was disproved, 2 for what was asked wrongly, 3 where the
// proof cannot run.
func exitCode(err error) int {
	switch {
	case errors.Is(err, errUsage):
		return 2
	case errors.Is(err, errCannot):
		return 3
	}
	return 1
}

func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	flags := flag.NewFlagSet("dockerproof", flag.ContinueOnError)
	flags.SetOutput(errOut)
	all := flags.Bool("all", false, "every scenario that starts, and what shows traces and metrics")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%w: see above", errUsage)
	}
	chosen, err := choose(flags.Args(), *all)
	if err != nil {
		return err
	}
	root, err := filepath.Abs(".local")
	if err != nil {
		return err
	}
	if _, err := os.Stat("docker-compose.yml"); err != nil {
		return fmt.Errorf("%w: run it at the root of the repository: %w", errUsage, err)
	}
	cloud, err := server.Recall(filepath.Join(root, "docker"), out)
	if err != nil {
		return err
	}
	t := &tools{cloud: cloud, root: root, dir: cloud.Root(), out: out}
	return proveAll(ctx, t, chosen, *all)
}

// everyPush are the scenarios that a push proves: with them a cache, a database and
// both AWS emulators run.
func everyPush() []string { return []string{"urlshortener", "ordernotify"} }

func choose(slugs []string, all bool) ([]scenarios.Scenario, error) {
	if all && len(slugs) > 0 {
		return nil, fmt.Errorf("%w: -all or names, not both", errUsage)
	}
	if !all && len(slugs) == 0 {
		slugs = everyPush()
	}
	var chosen []scenarios.Scenario
	for _, slug := range slugs {
		if slug == server.ObservabilityProfile {
			chosen = append(chosen, observability())
			continue
		}
		s, found := scenarios.Find(slug)
		if !found || !s.Starts() {
			return nil, fmt.Errorf("%w: no scenario %q has code", errUsage, slug)
		}
		chosen = append(chosen, s)
	}
	if !all {
		return chosen, nil
	}
	for _, s := range scenarios.All() {
		if s.Starts() {
			chosen = append(chosen, s)
		}
	}
	return append(chosen, observability()), nil
}

// proveAll starts the engine, and stops what it started, whatever the proof says.
func proveAll(ctx context.Context, t *tools, chosen []scenarios.Scenario, all bool) (err error) {
	began := time.Now()
	e, err := startEngine(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.stop()) }()
	p := &proof{tools: t, engine: e, all: all}
	if err := atOnce(func() error { return buildImages(ctx, t, e, chosen) }, func() error { return p.build(ctx) }); err != nil {
		return err
	}
	if p.before, err = e.things(ctx); err != nil {
		return err
	}
	err = p.run(ctx, chosen)
	fmt.Fprintf(t.out, "\nwhat was proved, in %.0f s:\n", time.Since(began).Seconds())
	for _, line := range p.lines {
		fmt.Fprintln(t.out, "  "+line)
	}
	fmt.Fprintln(t.out, "\nimages of vendors:")
	writeTable(t.out, ran(chosen))
	return err
}
