// Command api takes orders. It takes its configuration from the environment;
// `api healthcheck` asks a running one whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/ordernotify"
)

func main() { role.Main("api", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	admit := v.Number("ADMIT_PER_SECOND", 1000)
	token := v.Secret("ADMIN_TOKEN")
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	p, err := ordernotify.NewProcess(ctx, "api", env, 20, out)
	if err != nil {
		return err
	}
	defer p.DB.Close()
	return ordernotify.RunAPI(ctx, p, admit, token)
}
