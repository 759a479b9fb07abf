// Command sesstandin publishes the Send events that SES publishes by itself and
// the local emulator does not: a stand-in, never deployed. It takes its
// configuration from the environment; `sesstandin healthcheck` asks a running one
// whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/ordernotify"
)

func main() { role.Main("sesstandin", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	s := ordernotify.StandIn{
		Mailbox:          v.URL("AWS_ENDPOINT_URL_SES").JoinPath("_ministack/ses/messages"),
		Topic:            v.Required("SES_EVENTS_TOPIC_ARN"),
		ConfigurationSet: v.Required("CONFIGURATION_SET"),
		Every:            v.Duration("LOOK_EVERY", time.Second),
	}
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	cfg, err := ordernotify.LoadAWS(ctx)
	if err != nil {
		return err
	}
	p, err := ordernotify.NewProcess(ctx, "sesstandin", env, 0, out)
	if err != nil {
		return err
	}
	return ordernotify.RunStandIn(ctx, p, sns.NewFromConfig(cfg), s)
}
