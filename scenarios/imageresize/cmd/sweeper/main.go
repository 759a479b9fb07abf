// Command sweeper looks for uploads whose event was lost, and sends it again. It
// takes its configuration from the environment; `sweeper healthcheck` asks a
// running one whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/imageresize"
)

func main() { role.Main("sweeper", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	names := imageresize.ReadNames(v)
	how := imageresize.Sweep{
		Every: v.Duration("SWEEP_EVERY", 30*time.Second),
		Grace: v.Duration("SWEEP_GRACE", time.Minute),
		Back:  time.Duration(v.Number("SWEEP_HOURS", 24) * float64(time.Hour)),
	}
	if how.Every < 100*time.Millisecond {
		v.Complain("SWEEP_EVERY", "at least 100ms")
	}
	if how.Grace < 100*time.Millisecond {
		v.Complain("SWEEP_GRACE", "at least 100ms")
	}
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	p, err := imageresize.NewProcess("sweeper", env, out)
	if err != nil {
		return err
	}
	cfg, err := imageresize.LoadAWS(ctx)
	if err != nil {
		return err
	}
	return imageresize.RunSweeper(ctx, p, cfg, names, how)
}
