// Command before books payments as the question found it: it takes many ahead, has
// no idea of locks that ran out, and charges what comes again. It takes its
// configuration from the environment; `before healthcheck` asks a running one
// whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/servicebusdlq"
)

func main() { role.Main("before", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	b := servicebusdlq.Before{Queue: v.Required("PAYMENTS_QUEUE"), Prefetch: int(v.Number("PREFETCH", 500)), Loops: int(v.Number("LOOPS", 2))}
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	table, err := servicebusdlq.OpenTable(env, "PAYMENTS_TABLE")
	if err != nil {
		return err
	}
	p, err := servicebusdlq.NewProcess("before", env, out)
	if err != nil {
		return err
	}
	defer p.Close()
	return servicebusdlq.RunBefore(ctx, p, b, table)
}
