// Command deadletters keeps dead letters and serves the desk at which people decide
// on them. It takes its configuration from the environment; `deadletters healthcheck`
// asks a running one whether it is ready. With another argument it is a client of a
// running one, at DEADLETTERS_URL with ADMIN_TOKEN: see `deadletters help`.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/pubsubdlq"
)

func main() { role.Main("deadletters", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if len(args) > 0 && args[0] != "healthcheck" {
		return command(ctx, env, args, out)
	}
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	d := pubsubdlq.DeadLetters{Subscription: v.Required("DEAD_SUBSCRIPTION"), Topic: v.Required("EVENTS_TOPIC")}
	token := v.Secret("ADMIN_TOKEN")
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	p, err := pubsubdlq.NewProcess(ctx, "deadletters", env, out)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.OpenDatabase(ctx, env, "pubsubdlq", "deadletters", 8); err != nil {
		return err
	}
	return pubsubdlq.RunDeadLetters(ctx, p, d, token)
}
