// Command before charges usage as the question found it: what fails is given back
// for ever. It takes its configuration from the environment; `before healthcheck`
// asks a running one whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/pubsubdlq"
)

func main() { role.Main("before", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	b := pubsubdlq.Before{Subscription: v.Required("EVENTS_SUBSCRIPTION"), Outstanding: int(v.Number("MAX_OUTSTANDING", 100))}
	token := v.Secret("ADMIN_TOKEN")
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	p, err := pubsubdlq.NewProcess(ctx, "before", env, out)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.OpenDatabase(ctx, env, "pubsubdlq_before", "before", 16); err != nil {
		return err
	}
	return pubsubdlq.RunBefore(ctx, p, b, token)
}
