//go:build unix

// Command lambdahost feeds a Lambda function from an SQS queue on this machine:
//
//	lambdahost [-concurrency N] [-timeout D] -queue NAME PROGRAM
//
// The program is a function of the runtime provided.al2023. It gets our
// environment, in which AWS_ENDPOINT_URL_SQS and its likes say where the services
// are. It runs until SIGINT or SIGTERM, and finishes what is under way.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/provingground/provingground/deploy/local/lambda"
	"github.com/provingground/provingground/pkg/role"
)

func main() { role.Main("lambdahost", run) }

func run(ctx context.Context, _ func(string) string, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("lambdahost", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	queue := flags.String("queue", "", "name of the queue")
	concurrency := flags.Int("concurrency", 2, "environments at once")
	timeout := flags.Duration("timeout", 90*time.Second, "of a request")
	logs := flags.String("log", "", "file that gets what the function prints")
	if err := flags.Parse(args); err != nil || flags.NArg() != 1 || *queue == "" || *concurrency < 1 {
		return fmt.Errorf("%w: lambdahost [-concurrency N] [-timeout D] [-log FILE] -queue NAME PROGRAM", role.ErrUsage)
	}
	program, err := filepath.Abs(flags.Arg(0))
	if err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	log := slog.New(slog.NewJSONHandler(out, nil))
	mapping, err := newMapping(ctx, *queue, *concurrency, log)
	if err != nil {
		return err
	}
	host, err := lambda.Start(lambda.Function{
		Name: filepath.Base(program), Path: program, Env: os.Environ(), Timeout: *timeout, Concurrency: *concurrency, Log: *logs,
	})
	if err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	defer host.Close()
	log.Info("function", "program", program, "queue", *queue, "concurrency", *concurrency)
	return mapping.Run(ctx, host)
}

func newMapping(ctx context.Context, queue string, requests int, log *slog.Logger) (*lambda.Mapping, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: AWS: %w", role.ErrUsage, err)
	}
	client := sqs.NewFromConfig(cfg)
	url, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &queue})
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", queue, err)
	}
	found, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}})
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", queue, err)
	}
	return &lambda.Mapping{
		Client: client, QueueURL: aws.ToString(url.QueueUrl), QueueARN: found.Attributes[string(types.QueueAttributeNameQueueArn)], Requests: requests, Wait: 2 * time.Second,
		Observe: func(messages, failed int, err error) {
			if err != nil || failed > 0 {
				log.Warn("request", "messages", messages, "failed", failed, "error", err)
			}
		},
	}, nil
}
