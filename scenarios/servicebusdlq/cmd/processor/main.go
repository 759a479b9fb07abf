// Command processor books payments. It takes its configuration from the environment;
// `processor healthcheck` asks a running one whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/servicebusdlq"
)

func main() { role.Main("processor", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	o := servicebusdlq.Processor{Messages: int(v.Number("MESSAGES", 24)), Sessions: int(v.Number("SESSIONS", 8)), AdminToken: v.Secret("ADMIN_TOKEN")}
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	queues, err := servicebusdlq.ReadQueues(env)
	if err != nil {
		return err
	}
	table, err := servicebusdlq.OpenTable(env, "PAYMENTS_TABLE")
	if err != nil {
		return err
	}
	p, err := servicebusdlq.NewProcess("processor", env, out)
	if err != nil {
		return err
	}
	defer p.Close()
	return servicebusdlq.RunProcessor(ctx, p, queues, table, o)
}
