// Command api permits uploads and says what became of them. It takes its
// configuration from the environment; `api healthcheck` asks a running one
// whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/imageresize"
)

func main() { role.Main("api", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	names := imageresize.ReadNames(v)
	admit := v.Number("ADMIT_PER_SECOND", 500)
	key := v.Secret("UPLOAD_ID_KEY")
	endpoint := env("UPLOAD_ENDPOINT") // where clients reach S3, if not where we do
	if endpoint != "" {
		v.URL("UPLOAD_ENDPOINT")
	}
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	p, err := imageresize.NewProcess("api", env, out)
	if err != nil {
		return err
	}
	cfg, err := imageresize.LoadAWS(ctx)
	if err != nil {
		return err
	}
	return imageresize.RunAPI(ctx, p, cfg, names, endpoint, []byte(key), admit)
}
