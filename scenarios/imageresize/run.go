package imageresize

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/provingground/provingground/pkg/problem"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/sqsconsumer"
	"github.com/provingground/provingground/pkg/traces"
)

// Process is what every role has that runs all the time.
type Process struct {
	Addr, AdminAddr string
	DrainDelay      time.Duration // from unready until the listener closes: longer than the balancer's check
	Log             *slog.Logger
	Traces          *traces.Provider // closed at the end of Run…; nil sends none

	metrics *metrics
}

// RunAPI serves permits and statuses until ctx ends. Clients reach S3 at the
// endpoint; the empty one is that of the configuration.
func RunAPI(ctx context.Context, p *Process, cfg aws.Config, n Names, endpoint string, idKey []byte, admitPerSecond float64) error {
	u := &Uploads{
		ids:     ids{idKey},
		images:  newImages(cfg, n),
		records: newRecords(cfg, n),
		sign:    newPresigner(NewS3(cfg, endpoint), n.Uploads, n.Renditions),
		now:     time.Now,
	}
	return p.serve(ctx, newAPI(u, p.metrics, p.Log, admitPerSecond), func(context.Context) error { return nil })
}

// Work is how much a resizing process takes on.
type Work struct {
	Jobs       int64         // images at once
	Memory     int64         // bytes that they may take together, as estimated
	Visibility time.Duration // of a message, extended while it is worked on
}

// RunWorker resizes what the queue announces until ctx ends.
func RunWorker(ctx context.Context, p *Process, cfg aws.Config, n Names, w Work) error {
	r := newResizer(cfg, n, w, p.metrics)
	return p.serve(ctx, nothing(), func(ctx context.Context) error {
		q, err := p.awaitQueue(ctx, sqs.NewFromConfig(cfg), n.Queue)
		if err != nil || ctx.Err() != nil {
			return err
		}
		c := r.worker(q, p.Log, w.Visibility)
		c.Handle = traced(p.Traces, q, c.Handle)
		return c.Run(ctx)
	})
}

// RunFunction resizes what Lambda's event source mapping hands over. It returns
// only if it cannot begin; Lambda ends the process.
func RunFunction(ctx context.Context, log *slog.Logger, cfg aws.Config, n Names, w Work) error {
	q, err := sqsconsumer.FindQueue(ctx, sqs.NewFromConfig(cfg), n.Queue)
	if err != nil {
		return err
	}
	f := &function{resizer: newResizer(cfg, n, w, newMetrics()), queue: q, log: log}
	lambda.StartWithOptions(f.handle, lambda.WithContext(ctx))
	return nil
}

// RunSweeper looks for lost events until ctx ends.
func RunSweeper(ctx context.Context, p *Process, cfg aws.Config, n Names, how Sweep) error {
	return p.serve(ctx, nothing(), func(ctx context.Context) error {
		q, err := p.awaitQueue(ctx, sqs.NewFromConfig(cfg), n.Queue)
		if err != nil || ctx.Err() != nil {
			return err
		}
		s := &sweeper{Sweep: how, images: newImages(cfg, n), records: newRecords(cfg, n), queue: q, metrics: p.metrics, log: p.Log}
		s.run(ctx)
		return nil
	})
}

func newImages(cfg aws.Config, n Names) *images {
	return &images{client: NewS3(cfg, ""), uploads: n.Uploads, renditions: n.Renditions}
}

func newRecords(cfg aws.Config, n Names) *records {
	return &records{client: dynamodb.NewFromConfig(cfg), table: n.Records}
}

func newResizer(cfg aws.Config, n Names, w Work, m *metrics) *Resizer {
	return &Resizer{images: newImages(cfg, n), records: newRecords(cfg, n), jobs: newJobs(w.Jobs, limits(), w.Memory), metrics: m}
}

// serve runs the listeners, and work beside them. The process is ready at once.
func (p *Process) serve(ctx context.Context, public http.Handler, work func(context.Context) error) error {
	defer p.Traces.Close()
	return role.Service{
		Addr: p.Addr, AdminAddr: p.AdminAddr, Public: p.Traces.Handler(public), Admin: p.observed(), Drain: p.DrainDelay,
		Work: func(ctx context.Context, ready func()) error {
			ready()
			return work(ctx)
		},
	}.Run(ctx)
}

// awaitQueue tries until the queue is found or ctx ends: a role may start before
// its infrastructure.
func (p *Process) awaitQueue(ctx context.Context, client *sqs.Client, name string) (sqsconsumer.Queue, error) {
	for {
		q, err := sqsconsumer.FindQueue(ctx, client, name)
		if err == nil {
			return q, nil
		}
		p.Log.Warn("waiting for the queue", "error", err)
		if !wait(ctx, time.Second) {
			return sqsconsumer.Queue{}, nil // it ends before it began
		}
	}
}

// observed has the metrics, for everybody who reaches the listener. Nothing is
// administered here: dead letters are a command's.
func (p *Process) observed() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.metrics.registry, promhttp.HandlerOpts{}))
	return mux
}

// nothing is the listener of a role that nobody calls.
func nothing() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem.New(http.StatusNotFound, "not-found", http.StatusText(http.StatusNotFound), "This role serves no requests.").Write(w)
	})
}
