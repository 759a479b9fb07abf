// Command checkout sells carts. It is a Lambda function of the runtime
// provided.al2023 behind an HTTP API, in a zip as "bootstrap"; locally the Lambda host
// runs it. It takes its configuration from the environment.
package main

import (
	"context"
	"io"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/provingground/provingground/pkg/lambdahttp"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/checkout"
)

func main() { role.Main("checkout", run) }

func run(ctx context.Context, env func(string) string, _ []string, out io.Writer) error {
	s, err := checkout.LoadSettings(ctx, env, checkout.Needs{Database: "PGBOUNCER_URL", Connections: 1, Queue: true}, out)
	if err != nil {
		return err
	}
	s.Warm(ctx)
	lambda.StartWithOptions(lambdahttp.Wrap(checkout.Handler(s)), lambda.WithContext(ctx))
	return nil
}
