package ordernotify

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/traces"
)

// NewProcess reads what every role is told. A mistake is role.ErrUsage. The
// caller closes the pool; one of size 0 is none.
func NewProcess(ctx context.Context, name string, env func(string) string, poolSize int32, out io.Writer) (*Process, error) {
	v := envvars.New(env)
	p := &Process{
		Addr:       v.Listen("ADDR"),
		AdminAddr:  v.Listen("ADMIN_ADDR"),
		DrainDelay: v.Duration("DRAIN_DELAY", 2*time.Second),
		Log:        slog.New(slog.NewJSONHandler(out, nil)).With("role", name),
	}
	var database string
	if poolSize > 0 {
		database = v.Required("DATABASE_URL")
	}
	err := v.Err()
	if err == nil {
		p.Traces, err = traces.Open("ordernotify-"+name, p.Log)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	if poolSize == 0 {
		return p, nil
	}
	if p.DB, err = OpenDatabase(ctx, database, name, poolSize); err != nil {
		p.Traces.Close()
		return nil, fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	return p, nil
}

// LoadAWS returns a configuration whose every wait is bounded. A call is tried
// twice, close together: what fails then is repeated by relay and queue.
func LoadAWS(ctx context.Context) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(awshttp.NewBuildableClient().
			WithTimeout(30*time.Second). // above a long poll
			WithTransportOptions(func(t *http.Transport) {
				t.MaxIdleConnsPerHost, t.MaxIdleConns = 64, 128
				// Less than any server waits: one that closes an idle connection just as
				// a mail is sent on it takes the mail and loses its answer.
				t.IdleConnTimeout = 2 * time.Second
			})),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = 2, 100*time.Millisecond })
		}))
	if err != nil {
		return cfg, fmt.Errorf("%w: AWS: %w", role.ErrUsage, err)
	}
	if cfg.Region == "" {
		return cfg, fmt.Errorf("%w: AWS_REGION must be set", role.ErrUsage)
	}
	return cfg, nil
}
