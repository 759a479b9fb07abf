package imageresize

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
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/traces"
)

// Names are what the template made.
type Names struct {
	Uploads    string // bucket
	Renditions string // bucket
	Records    string // table
	Queue      string
}

// ReadNames reads them from the environment.
func ReadNames(v *envvars.Vars) Names {
	return Names{
		Uploads: v.Required("UPLOADS_BUCKET"), Renditions: v.Required("RENDITIONS_BUCKET"),
		Records: v.Required("RECORDS_TABLE"), Queue: v.Required("EVENTS_QUEUE"),
	}
}

// NewProcess reads what every role that listens is told. A mistake is role.ErrUsage.
func NewProcess(name string, env func(string) string, out io.Writer) (*Process, error) {
	v := envvars.New(env)
	p := &Process{
		Addr:       v.Listen("ADDR"),
		AdminAddr:  v.Listen("ADMIN_ADDR"),
		DrainDelay: v.Duration("DRAIN_DELAY", 2*time.Second),
		Log:        NewLog(name, out),
		metrics:    newMetrics(),
	}
	err := v.Err()
	if err == nil {
		p.Traces, err = traces.Open("imageresize-"+name, p.Log)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	return p, nil
}

// NewLog returns the log of a role.
func NewLog(name string, out io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(out, nil)).With("role", name)
}

// LoadAWS returns a configuration whose every wait is bounded. A call is tried
// twice, close together: what fails then is repeated by the queue.
func LoadAWS(ctx context.Context) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(awshttp.NewBuildableClient().
			WithTimeout(30*time.Second). // above a long poll
			WithTransportOptions(func(t *http.Transport) {
				t.MaxIdleConnsPerHost, t.MaxIdleConns = 32, 64
				t.IdleConnTimeout = 2 * time.Second // less than any server waits
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

// NewS3 returns a client that names buckets in the path, which every S3 knows.
// An endpoint that is not empty takes the place of the configured one.
func NewS3(cfg aws.Config, endpoint string) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = true
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
		// Forms and URLs are for clients that compute nothing, and ranges of copies
		// are checked by TLS.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
}
