// Command intake accepts orders. It takes its configuration from the environment;
// `intake healthcheck` asks a running one whether it is ready.
//
// As the custom handler of an Azure Functions app it listens on the port that the
// host names in FUNCTIONS_CUSTOMHANDLER_PORT.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/orderprocessor"
)

func main() { role.Main("intake", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	env = underFunctions(env)
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	limits := orderprocessor.Limits{Admit: v.Number("ADMIT_PER_SECOND", 1000), Customer: v.Number("CUSTOMER_PER_SECOND", 20)}
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	c, err := orderprocessor.NewCommon("intake", env, out)
	if err != nil {
		return err
	}
	return orderprocessor.RunIntake(ctx, c, limits)
}

// underFunctions answers for the addresses where the Functions host chose the port.
// The administration's port then is a free one: nothing outside reaches it.
func underFunctions(env func(string) string) func(string) string {
	port := env("FUNCTIONS_CUSTOMHANDLER_PORT")
	if port == "" {
		return env
	}
	return func(name string) string {
		switch name {
		case "ADDR":
			return cmp.Or(env(name), "127.0.0.1:"+port)
		case "ADMIN_ADDR":
			return cmp.Or(env(name), "127.0.0.1:0")
		}
		return env(name)
	}
}
