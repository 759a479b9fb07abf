package ordernotify

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"
)

const (
	ceilingTime    = 3 * time.Second
	ceilingCallers = 16
	probeSubject   = "ceiling"
)

// ceiling is what the AWS emulator does alone: mails per second, one call each,
// as the email role sends them. An order takes two.
type ceiling struct{ mails float64 }

// measureCeiling sends mails as fast as they are taken, from this process.
func measureCeiling(ctx context.Context, env map[string]string) (ceiling, error) {
	client := ses.New(ses.Options{
		Region: env["AWS_REGION"], BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL_SES"]), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
	})
	in := &ses.SendEmailInput{
		Source:               aws.String(env["MAIL_FROM"]),
		ConfigurationSetName: aws.String(env["CONFIGURATION_SET"]),
		Destination:          &types.Destination{ToAddresses: []string{"ceiling@example.com"}},
		Message: &types.Message{
			Subject: &types.Content{Data: aws.String(probeSubject)},
			Body:    &types.Body{Text: &types.Content{Data: aws.String("How many of these?")}},
		},
	}
	var sent atomic.Int64
	var callers sync.WaitGroup
	failed := make([]error, ceilingCallers)
	begin := time.Now()
	for i := range ceilingCallers {
		callers.Go(func() {
			for time.Since(begin) < ceilingTime && failed[i] == nil {
				if _, failed[i] = client.SendEmail(ctx, in); failed[i] == nil {
					sent.Add(1)
				}
			}
		})
	}
	callers.Wait()
	return ceiling{float64(sent.Load()) / time.Since(begin).Seconds()}, errors.Join(failed...)
}
