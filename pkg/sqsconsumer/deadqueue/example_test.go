package deadqueue_test

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/provingground/provingground/pkg/sqsconsumer/deadqueue"
)

// A program for operators.
func ExampleCommand() {
	connect := func(ctx context.Context) (*sqs.Client, error) {
		cfg, err := config.LoadDefaultConfig(ctx)
		return sqs.NewFromConfig(cfg), err
	}
	err := deadqueue.Command(context.Background(), connect, []string{"redrive"}, os.Stdout)
	fmt.Println("usage:", err)
	// Output: usage: deadletters list QUEUE | deadletters redrive [-id ID] [-body FILE] QUEUE
}
