// Command worker sells the carts that were queued and settles the orders that were
// left pending. It takes its configuration from the environment; `worker healthcheck`
// asks a running one whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/checkout"
)

func main() { role.Main("worker", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	p := checkout.ReadProcess(v)
	direct := v.Required("DATABASE_URL")
	visibility := v.Duration("VISIBILITY", 30*time.Second)
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	s, err := checkout.LoadSettings(ctx, env, checkout.Needs{Database: "PGBOUNCER_URL", Connections: 8, Queue: true}, out)
	if err != nil {
		return err
	}
	defer s.DB.Close()
	return checkout.RunWorker(ctx, p, s, direct, visibility)
}
