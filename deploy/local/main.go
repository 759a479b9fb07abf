//go:build unix

// Command local is the local cloud: it starts the servers that scenarios need,
// runs scenarios on them, and ends everything again.
//
//	go run ./deploy/local up [slug|server ...]
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/scenarios"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	w := world{out: os.Stdout, err: os.Stderr, colour: isTerminal(os.Stdout) && os.Getenv("NO_COLOR") == ""}
	err := run(ctx, w, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
	}
	os.Exit(exitCode(err))
}

// world is what a command may touch.
type world struct {
	out, err io.Writer // results, progress
	colour   bool
	root     string // default: the clone's .local
}

func (w world) open(ctx context.Context) (*server.Cloud, error) {
	return server.Open(ctx, server.Options{Root: w.root, Out: w.err})
}

// command is one subcommand.
type command struct {
	name, args, does string
	run              func(ctx context.Context, w world, args []string) error
}

func commands() []command {
	return []command{
		{"up", "[slug|server ...]", "start the servers, by default those that all running scenarios need; observability shows traces and metrics", up},
		{"install", "[slug|server ...]", "install what native servers need, and start nothing", install},
		{"down", "[server ...]", "end what up and run started; native servers keep what they stored", down},
		{"status", "", "show what runs, where, and how it is", status},
		{"logs", "[slug|server ...]", "show the end of the logs", logs},
		{"run", "slug", "start a scenario; Ctrl-C ends its roles", runScenario},
		{"provision", "slug", "apply a scenario's template to the endpoints in the environment", provisionScenario},
		{"modules", "package dir", "build the modules of a Cloudflare Worker into a folder", workerModules},
		{"clean", "", "end everything and remove .local", clean},
	}
}

func run(ctx context.Context, w world, args []string) error {
	all := commands()
	if len(args) == 0 {
		return usageError{usage(all)}
	}
	i := slices.IndexFunc(all, func(c command) bool { return c.name == args[0] })
	if i < 0 {
		return usageError{fmt.Sprintf("no command %q: there are %s", args[0], strings.Join(names(all), ", "))}
	}
	return all[i].run(ctx, w, args[1:])
}

func names(all []command) []string {
	var list []string
	for _, c := range all {
		list = append(list, c.name)
	}
	return list
}

func usage(all []command) string {
	var b strings.Builder
	b.WriteString("usage: go run ./deploy/local <command>")
	for _, c := range all {
		fmt.Fprintf(&b, "\n  %-27s %s", strings.TrimSpace(c.name+" "+c.args), c.does)
	}
	return b.String()
}

// usageError is a mistake in the arguments.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// exitCode: 1 for what went wrong, 2 for what was asked wrongly.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	if _, ok := errors.AsType[*server.ConfigurationError](err); ok {
		return 2
	}
	return 1
}

// scenario returns one that has code.
func scenario(slug string) (scenarios.Scenario, error) {
	s, found := scenarios.Find(slug)
	if !found {
		return s, usageError{fmt.Sprintf("no scenario %q: there are %s", slug, strings.Join(running(), ", "))}
	}
	if !s.Starts() {
		return s, usageError{fmt.Sprintf("scenario %s is planned and has no code yet: there are %s", slug, strings.Join(running(), ", "))}
	}
	return s, nil
}

// one returns the scenario that the only argument names.
func one(args []string) (scenarios.Scenario, error) {
	if len(args) != 1 {
		return scenarios.Scenario{}, usageError{"say which scenario: " + strings.Join(running(), ", ")}
	}
	return scenario(args[0])
}

func running() []string {
	var slugs []string
	for _, s := range scenarios.All() {
		if s.Runs() {
			slugs = append(slugs, s.Slug)
		}
	}
	return slugs
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
