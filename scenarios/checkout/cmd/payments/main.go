// Command payments is a stand-in for a payment provider, never deployed. It takes its
// configuration from the environment; `payments healthcheck` asks a running one
// whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/checkout"
)

func main() { role.Main("payments", run) }

func run(ctx context.Context, env func(string) string, args []string, _ io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	p := checkout.ReadProcess(v)
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	return checkout.RunProvider(ctx, p)
}
