// Command deadletters lists what the consumers gave up, and sends it back.
//
//	deadletters list QUEUE
//	deadletters redrive [-id ID] [-body FILE] QUEUE
//
// Its rights are those of whoever's AWS credentials are in the environment. What
// it sent back it logs as audit lines.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/sqsconsumer/deadqueue"
	"github.com/provingground/provingground/scenarios/ordernotify"
)

func main() { role.Main("deadletters", run) }

func run(ctx context.Context, _ func(string) string, args []string, out io.Writer) error {
	err := deadqueue.Command(ctx, connect, args, out)
	if errors.Is(err, deadqueue.ErrUsage) {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	return err
}

func connect(ctx context.Context) (*sqs.Client, error) {
	cfg, err := ordernotify.LoadAWS(ctx)
	return sqs.NewFromConfig(cfg), err
}
