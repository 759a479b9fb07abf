// Command apply makes the topics and subscriptions of a scenario in a project of
// Google Cloud, with the credentials of whoever calls it:
//
//	go run ./deploy/gcp/apply -project shop -project-number 123456789012 deploy/gcp/webhooks.json
//	go run ./deploy/gcp/apply … -set PUSH_ENDPOINT=https://… deploy/gcp/webhooks-push.json
//
// With PUBSUB_EMULATOR_HOST in the environment it does so there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"google.golang.org/api/option"

	"github.com/provingground/provingground/deploy/gcp/topology"
)

var errUsage = errors.New("usage: apply -project ID -project-number N [-set NAME=VALUE] FILE")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Getenv, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "apply:", err)
	}
	switch {
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		os.Exit(1)
	}
}

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("apply", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	project := flags.String("project", "", "the project's id")
	number := flags.String("project-number", "", "its number, which names the account that forwards dead letters")
	variables := map[string]string{}
	flags.Func("set", "what ${NAME} in the file stands for", func(s string) error {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return errors.New("want NAME=VALUE")
		}
		variables[name] = value
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if *project == "" || *number == "" || flags.NArg() != 1 {
		return errUsage
	}
	raw, err := os.ReadFile(flags.Arg(0))
	if err != nil {
		return err
	}
	t, err := topology.Parse(raw, *project, variables)
	if err != nil {
		return fmt.Errorf("%s: %w", flags.Arg(0), err)
	}
	var options []option.ClientOption
	if host := env("PUBSUB_EMULATOR_HOST"); host != "" {
		options = topology.Local(host)
	}
	if err := t.Apply(ctx, *number, options...); err != nil {
		return err
	}
	fmt.Fprintf(out, "project %s has %d topics and %d subscriptions of %s\n", *project, len(t.Topics), len(t.Subscriptions), flags.Arg(0))
	return nil
}
