// Command publisher takes usage and publishes it. It takes its configuration from
// the environment; `publisher healthcheck` asks a running one whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/pubsubdlq"
)

func main() { role.Main("publisher", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	topic := v.Required("EVENTS_TOPIC")
	admit := v.Number("ADMIT_PER_SECOND", 3000)
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	p, err := pubsubdlq.NewProcess(ctx, "publisher", env, out)
	if err != nil {
		return err
	}
	defer p.Close()
	return pubsubdlq.RunPublisher(ctx, p, topic, admit)
}
