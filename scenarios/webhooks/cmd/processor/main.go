// Command processor applies events. It takes its configuration from the
// environment; `processor healthcheck` asks a running one whether it is ready.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/webhooks"
)

func main() { role.Main("processor", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	database := v.Required("DATABASE_URL")
	o := webhooks.Processor{
		Pool: int32(v.Number("DB_POOL", 4)), Instances: int(v.Number("MAX_INSTANCES", 10)),
		Subscription: env("EVENTS_SUBSCRIPTION"), DeadTopic: v.Required("DEAD_TOPIC"),
		Push: webhooks.Push{
			Issuer:   cmp.Or(env("PUBSUB_TOKEN_ISSUER"), "https://accounts.google.com"),
			Audience: env("PUSH_AUDIENCE"), Account: env("PUSH_ACCOUNT"),
		},
	}
	if o.Push.Audience == "" {
		if o.Subscription == "" {
			v.Complain("EVENTS_SUBSCRIPTION", "set, to pull, or PUSH_AUDIENCE, to be pushed to")
		}
	} else {
		o.Push.Account = v.Required("PUSH_ACCOUNT")
	}
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	c, err := webhooks.NewCommon(ctx, "processor", env, out)
	if err != nil {
		return err
	}
	defer c.Client.Close()
	if o.DB, err = webhooks.OpenDatabase(ctx, database, "processor", o.Pool); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	defer o.DB.Close()
	return webhooks.RunProcessor(ctx, c, o)
}
