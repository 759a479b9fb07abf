// Command email sends the mails of orders. It takes its configuration from the
// environment; `email healthcheck` asks a running one whether it is ready.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/ordernotify"
)

func main() { role.Main("email", run) }

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
		return err
	}
	v := envvars.New(env)
	mail := ordernotify.Mail{
		From:             v.Required("MAIL_FROM"),
		ConfigurationSet: v.Required("CONFIGURATION_SET"),
		Queue:            v.Required("EMAIL_QUEUE"),
		SESEvents:        v.Required("SES_EVENTS_QUEUE"),
		Lease:            v.Duration("SEND_LEASE", 10*time.Second),
		EventWait:        v.Duration("SES_EVENT_WAIT", 5*time.Second),
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	mail.Sender = fmt.Sprintf("%s/%d", host, os.Getpid())
	visibility := v.Duration("VISIBILITY", 30*time.Second)
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	cfg, err := ordernotify.LoadAWS(ctx)
	if err != nil {
		return err
	}
	// A mail that was sent twice cannot be taken back, so SES is asked once.
	mail.Client = ses.NewFromConfig(cfg, func(o *ses.Options) { o.RetryMaxAttempts = 1 })
	p, err := ordernotify.NewProcess(ctx, "email", env, 12, out)
	if err != nil {
		return err
	}
	defer p.DB.Close()
	return ordernotify.RunEmail(ctx, p, sqs.NewFromConfig(cfg), mail, visibility)
}
