// Command relay publishes the outboxes to the topic. It takes its configuration
// from the environment; `relay healthcheck` asks a running one whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/ordernotify"
)

func main() { role.Main("relay", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	topic := v.Required("EVENTS_TOPIC_ARN")
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	cfg, err := ordernotify.LoadAWS(ctx)
	if err != nil {
		return err
	}
	p, err := ordernotify.NewProcess(ctx, "relay", env, 6, out)
	if err != nil {
		return err
	}
	defer p.DB.Close()
	return ordernotify.RunRelay(ctx, p, sns.NewFromConfig(cfg), topic)
}
