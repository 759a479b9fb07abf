// Command overflow queues the carts that checkout has no environment for. It is a
// Lambda function of the runtime provided.al2023 behind an HTTP API, in a zip as
// "bootstrap"; locally the Lambda host runs it. It takes its configuration from the
// environment.
package main

import (
	"context"
	"io"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/provingground/provingground/pkg/lambdahttp"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/checkout"
)

func main() { role.Main("overflow", run) }

func run(ctx context.Context, env func(string) string, _ []string, out io.Writer) error {
	s, err := checkout.LoadSettings(ctx, env, checkout.Needs{Queue: true}, out)
	if err != nil {
		return err
	}
	lambda.StartWithOptions(lambdahttp.Wrap(checkout.OverflowHandler(s)), lambda.WithContext(ctx))
	return nil
}
