// Command processor processes orders. It takes its configuration from the
// environment; `processor healthcheck` asks a running one whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/orderprocessor"
)

func main() { role.Main("processor", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	o := orderprocessor.Processor{Sessions: int(v.Number("SESSIONS", 16)), AdminToken: v.Secret("ADMIN_TOKEN")}
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	c, err := orderprocessor.NewCommon("processor", env, out)
	if err != nil {
		return err
	}
	return orderprocessor.RunProcessor(ctx, c, o)
}
