package checkout

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/sqsconsumer"
)

// Settings are what a function is told. Those that it does not need are empty.
type Settings struct {
	DB       *pgxpool.Pool
	Payments *url.URL
	SQS      *sqs.Client
	Queue    string
	Log      *slog.Logger
}

// Handler is the function that sells.
func Handler(s Settings) http.Handler {
	service := newService(s)
	q := &queue{client: s.SQS, name: s.Queue}
	return (&api{log: s.Log, sell: service.Sell, find: service.orders.find, enqueue: q.put}).handler("/api/checkouts")
}

// OverflowHandler is the function that only queues. It knows no database.
func OverflowHandler(s Settings) http.Handler {
	q := &queue{client: s.SQS, name: s.Queue}
	return (&api{log: s.Log, enqueue: q.put}).handler("/api/queued")
}

func newService(s Settings) *Service {
	return &Service{orders: newOrders(s.DB), payments: newPayments(s.Payments), log: s.Log}
}

// Needs are what a role is told to have.
type Needs struct {
	Database    string // the variable that names it; empty for none
	Connections int32  // to it: an environment has one, for it has one request
	Application string // what the connections call themselves; a pooled client says nothing
	Queue       bool
}

// LoadSettings reads what a role needs. A mistake is role.ErrUsage.
func LoadSettings(ctx context.Context, env func(string) string, n Needs, out io.Writer) (Settings, error) {
	v := envvars.New(env)
	s := Settings{Log: slog.New(slog.NewJSONHandler(out, nil)).With("function", env("AWS_LAMBDA_FUNCTION_NAME"))}
	var address string
	if n.Database != "" {
		address, s.Payments = v.Required(n.Database), v.URL("PAYMENTS_URL")
	}
	if n.Queue {
		s.Queue = v.Required("CARTS_QUEUE")
	}
	if err := v.Err(); err != nil {
		return s, fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	if n.Queue {
		cfg, err := LoadAWS(ctx)
		if err != nil {
			return s, err
		}
		s.SQS = sqs.NewFromConfig(cfg)
	}
	if n.Database == "" {
		return s, nil
	}
	db, err := OpenDatabase(ctx, address, n.Application, n.Connections)
	if err != nil {
		return s, fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	s.DB = db
	return s, nil
}

// Warm opens the connection while an environment starts, which provisioned ones do
// before there is a request. Where it cannot be had in time the first request opens
// it, or queues its cart.
func (s Settings) Warm(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	insist(ctx, s.Log, 100*time.Millisecond, "no connection yet", func() error { return s.DB.Ping(ctx) })
}

// LoadAWS returns a configuration whose every wait is bounded.
func LoadAWS(ctx context.Context) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(30*time.Second)), // above a long poll
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

// Process is what a role has that is no function.
type Process struct {
	Addr, AdminAddr string
	DrainDelay      time.Duration // from unready until the listener closes
}

// ReadProcess reads it.
func ReadProcess(v *envvars.Vars) Process {
	return Process{v.Listen("ADDR"), v.Listen("ADMIN_ADDR"), v.Duration("DRAIN_DELAY", 2*time.Second)}
}

// RunWorker makes the schema where it is missing, past the pooler at direct, then
// sells what is queued and settles what is pending until ctx ends.
func RunWorker(ctx context.Context, p Process, s Settings, direct string, visibility time.Duration) error {
	w := &worker{service: newService(s), db: s.DB, metrics: newMetrics(), log: s.Log}
	admin := http.NewServeMux()
	admin.Handle("GET /metrics", promhttp.HandlerFor(w.metrics.registry, promhttp.HandlerOpts{}))
	return role.Service{
		Addr: p.Addr, AdminAddr: p.AdminAddr, Drain: p.DrainDelay, Public: http.NotFoundHandler(), Admin: admin,
		Work: func(ctx context.Context, ready func()) error {
			if !insist(ctx, s.Log, time.Second, "waiting for the database", func() error { return Prepare(ctx, direct) }) {
				return nil
			}
			var q sqsconsumer.Queue
			found := insist(ctx, s.Log, time.Second, "waiting for the queue", func() (err error) { q, err = sqsconsumer.FindQueue(ctx, s.SQS, s.Queue); return err })
			if !found {
				return nil
			}
			s.Log.Info("schema", "sha256", SchemaHash())
			ready()
			done := make(chan struct{})
			go func() { defer close(done); w.recover(ctx) }()
			defer func() { <-done }()
			return w.consumer(q, visibility).Run(ctx)
		},
	}.Run(ctx)
}

// RunProvider runs the stand-in until ctx ends.
func RunProvider(ctx context.Context, p Process) error {
	provider := NewProvider()
	return role.Service{
		Addr: p.Addr, AdminAddr: p.AdminAddr, Drain: p.DrainDelay, Public: provider.Public(), Admin: provider.Admin(),
		Work: func(_ context.Context, ready func()) error { ready(); return nil },
	}.Run(ctx)
}

// insist tries until it works or ctx ends.
func insist(ctx context.Context, log *slog.Logger, pause time.Duration, what string, try func() error) bool {
	for ctx.Err() == nil {
		err := try()
		if err == nil {
			return true
		}
		log.Warn(what, "error", err)
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
		case <-t.C:
		}
	}
	return false
}
