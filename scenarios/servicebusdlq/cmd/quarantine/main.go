// Command quarantine keeps dead letters and serves the desk at which people decide on
// them. It takes its configuration from the environment; `quarantine healthcheck` asks
// a running one whether it is ready. With another argument it is a client of a running
// one, at QUARANTINE_URL with ADMIN_TOKEN: see `quarantine help`.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/servicebusdlq"
)

func main() { role.Main("quarantine", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if len(args) > 0 && args[0] != "healthcheck" {
		return command(ctx, env, args, out)
	}
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	token := v.Secret("ADMIN_TOKEN")
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	queues, err := servicebusdlq.ReadQueues(env)
	if err != nil {
		return err
	}
	payments, err := servicebusdlq.OpenTable(env, "PAYMENTS_TABLE")
	if err != nil {
		return err
	}
	letters, err := servicebusdlq.OpenTable(env, "QUARANTINE_TABLE")
	if err != nil {
		return err
	}
	p, err := servicebusdlq.NewProcess("quarantine", env, out)
	if err != nil {
		return err
	}
	defer p.Close()
	return servicebusdlq.RunQuarantine(ctx, p, queues, payments, letters, token)
}
