// Command inventory decides on orders. It takes its configuration from the
// environment; `inventory healthcheck` asks a running one whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/ordernotify"
)

func main() { role.Main("inventory", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	queue := v.Required("INVENTORY_QUEUE")
	visibility := v.Duration("VISIBILITY", 30*time.Second)
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	cfg, err := ordernotify.LoadAWS(ctx)
	if err != nil {
		return err
	}
	p, err := ordernotify.NewProcess(ctx, "inventory", env, 12, out)
	if err != nil {
		return err
	}
	defer p.DB.Close()
	return ordernotify.RunInventory(ctx, p, sqs.NewFromConfig(cfg), queue, visibility)
}
