// Command receiver takes webhooks in. It takes its configuration from the
// environment; `receiver healthcheck` asks a running one whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/webhooks"
)

func main() { role.Main("receiver", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	topic := v.Required("EVENTS_TOPIC")
	providers := webhooks.Providers(webhooks.KeysOf(v, env, "PAYMENTS_KEY"), webhooks.KeysOf(v, env, "REPOS_KEY"))
	admit := v.Number("ADMIT_PER_SECOND", 2000)
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	c, err := webhooks.NewCommon(ctx, "receiver", env, out)
	if err != nil {
		return err
	}
	defer c.Client.Close()
	return webhooks.RunReceiver(ctx, c, topic, providers, admit)
}
