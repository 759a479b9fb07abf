// Command resize makes the sizes of uploaded images. Where Lambda runs it, it is a
// function of the runtime provided.al2023, in a zip as "bootstrap"; everywhere
// else it is a process that receives from the queue itself. It takes its
// configuration from the environment; `resize healthcheck` asks a running process
// whether it is ready.
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

func main() { role.Main("resize", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	names := imageresize.ReadNames(v)
	work := readWork(v)
	nice := readNice(v, env)
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	return start(ctx, env, names, work, nice, out)
}

func readWork(v *envvars.Vars) imageresize.Work {
	work := imageresize.Work{
		Jobs:       int64(v.Number("JOBS", 2)),
		Memory:     int64(v.Number("JOB_MEMORY_MIB", 512)) << 20,
		Visibility: v.Duration("VISIBILITY", 30*time.Second),
	}
	if work.Jobs < 1 || work.Jobs > 64 {
		v.Complain("JOBS", "between 1 and 64")
	}
	if work.Memory < 64<<20 || work.Memory > 64<<30 {
		v.Complain("JOB_MEMORY_MIB", "between 64 and 65536")
	}
	if work.Visibility < time.Second {
		v.Complain("VISIBILITY", "at least 1s")
	}
	return work
}

// readNice returns 0 where nothing is set: as important as everybody else.
func readNice(v *envvars.Vars, env func(string) string) int {
	if env("NICE") == "" {
		return 0
	}
	nice := v.Number("NICE", 0)
	if nice > 19 {
		v.Complain("NICE", "between 1 and 19")
	}
	return int(nice)
}

// start begins to work as what this process is.
func start(ctx context.Context, env func(string) string, names imageresize.Names, work imageresize.Work, nice int, out io.Writer) error {
	if env("AWS_LAMBDA_RUNTIME_API") != "" {
		cfg, err := imageresize.LoadAWS(ctx)
		if err != nil {
			return err
		}
		return imageresize.RunFunction(ctx, imageresize.NewLog("resize", out), cfg, names, work)
	}
	p, err := imageresize.NewProcess("resize", env, out)
	if err != nil {
		return err
	}
	cfg, err := imageresize.LoadAWS(ctx)
	if err != nil {
		return err
	}
	if err := stepBack(nice); err != nil {
		p.Log.Warn("nice", "error", err) // slower for others, and no worse
	}
	return imageresize.RunWorker(ctx, p, cfg, names, work)
}
