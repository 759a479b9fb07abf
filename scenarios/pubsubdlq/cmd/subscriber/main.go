// Command subscriber charges usage. It takes its configuration from the environment;
// `subscriber healthcheck` asks a running one whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/pubsubdlq"
)

func main() { role.Main("subscriber", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	s := pubsubdlq.Subscriber{
		Subscription: v.Required("EVENTS_SUBSCRIPTION"),
		DeadTopic:    v.Required("DEAD_TOPIC"),
		Outstanding:  int(v.Number("MAX_OUTSTANDING", 100)),
	}
	token := v.Secret("ADMIN_TOKEN")
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	var err error
	if s.OnPoison, err = pubsubdlq.ParseOnPoison(env("ON_POISON")); err != nil {
		return err
	}
	p, err := pubsubdlq.NewProcess(ctx, "subscriber", env, out)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.OpenDatabase(ctx, env, "pubsubdlq", "subscriber", 16); err != nil {
		return err
	}
	return pubsubdlq.RunSubscriber(ctx, p, s, token)
}
