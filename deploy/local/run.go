//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/scenarios"
)

func runScenario(ctx context.Context, w world, args []string) error {
	sc, err := one(args)
	if err != nil {
		return err
	}
	c, err := w.open(ctx)
	if err != nil {
		return err
	}
	if c.Provider() == server.Docker {
		return runContainers(ctx, w, c, sc)
	}
	s, err := stack.Start(ctx, stack.Options{Scenario: sc, Cloud: c, Shared: true, Out: w.err})
	if err != nil {
		return err
	}
	announce(w, sc, s)
	died := s.Wait(ctx)
	// From here on a second Ctrl-C kills what does not end by itself.
	again, stop := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Fprintln(w.err, "ending the roles (Ctrl-C again kills them) …")
	closed := s.Close(again)
	fmt.Fprintln(w.err, "the servers run on; `make down` ends them")
	if died != nil {
		return died // Close reports the same again
	}
	return closed
}

// runContainers is runScenario with the roles in containers.
func runContainers(ctx context.Context, w world, c *server.Cloud, sc scenarios.Scenario) error {
	roles, err := upProfile(ctx, w, c, sc)
	if err != nil {
		return err
	}
	for _, r := range roles {
		role, first := strings.CutSuffix(strings.TrimPrefix(r.Name, sc.Slug+"/"), "/0")
		if try := sc.Role(role).TryIt; first && try != "" {
			fmt.Fprintf(w.out, "try: %s\n", strings.ReplaceAll(try, "{url}", fmt.Sprintf("http://127.0.0.1:%d", r.Port)))
		}
	}
	fmt.Fprintln(w.out, "Ctrl-C ends it.")
	var names []string
	for _, r := range roles {
		names = append(names, r.Name)
	}
	died := c.AwaitEnd(ctx, names...)
	fmt.Fprintln(w.err, "ending the roles …")
	closed := c.Down(context.WithoutCancel(ctx), names...)
	fmt.Fprintln(w.err, "the servers run on; `make down` ends them")
	return errors.Join(died, closed)
}

func announce(w world, sc scenarios.Scenario, s *stack.Stack) {
	fmt.Fprintf(w.out, "%s runs:\n", sc.Title)
	for _, in := range s.Instances {
		if in.Spare {
			continue
		}
		fmt.Fprintf(w.out, "  %-8s %d  %s  (metrics and administration: %s)\n", in.Role, in.Index, in.URL, in.AdminURL)
	}
	for _, command := range s.TryIt(sc) {
		fmt.Fprintf(w.out, "try: %s\n", command)
	}
	fmt.Fprintln(w.out, "Ctrl-C ends it.")
}

// workerModules is what wrangler and the image of a Worker build with.
func workerModules(ctx context.Context, _ world, args []string) error {
	if len(args) != 2 {
		return usageError{"say which package, and into which folder"}
	}
	return stack.Modules(ctx, args[0], args[1])
}

// provisionScenario needs no clone, only the templates in deploy/ below the
// working folder, so that it runs in a container, too.
func provisionScenario(ctx context.Context, _ world, args []string) error {
	sc, err := one(args)
	if err != nil {
		return err
	}
	if sc.Template == "" {
		return nil
	}
	if config, ok := strings.CutPrefix(sc.Template, "cloudflare/"); ok {
		return provision.Migrate(ctx, map[string]string{"D1_URL": os.Getenv("D1_URL")}, config)
	}
	template, err := os.ReadFile("deploy/" + sc.Template)
	if err != nil {
		return err
	}
	env := endpoints()
	if len(env) == 0 {
		return usageError{"no AWS_ENDPOINT_URL_… or PUBSUB_EMULATOR_HOST in the environment says where to apply the template"}
	}
	return provision.File(ctx, env, sc.Slug, sc.Template, string(template))
}
