// Command producer takes payments and sends them to Service Bus. It takes its
// configuration from the environment; `producer healthcheck` asks a running one
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

func main() { role.Main("producer", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	admit := v.Number("ADMIT_PER_SECOND", 2000)
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	queues, err := servicebusdlq.ReadQueues(env)
	if err != nil {
		return err
	}
	p, err := servicebusdlq.NewProcess("producer", env, out)
	if err != nil {
		return err
	}
	defer p.Close()
	return servicebusdlq.RunProducer(ctx, p, queues, admit)
}
