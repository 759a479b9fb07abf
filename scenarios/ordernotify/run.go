package ordernotify

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/provingground/provingground/pkg/problem"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/sqsconsumer"
	"github.com/provingground/provingground/pkg/traces"
)

// Process is what every role has.
type Process struct {
	Addr, AdminAddr string
	DrainDelay      time.Duration // from unready until the listener closes: longer than the balancer's check
	DB              *pgxpool.Pool
	Log             *slog.Logger
	Traces          *traces.Provider // closed at the end of Run…; nil sends none

	metrics *metrics
}

// RunAPI serves orders until ctx ends.
func RunAPI(ctx context.Context, p *Process, admitPerSecond float64, adminToken string) error {
	p.metrics = newMetrics()
	a := newAPI(&Service{db: p.DB, keys: records(), events: orderEvents(), traces: p.Traces, log: p.Log}, p.metrics, admitPerSecond)
	admin := http.NewServeMux()
	admin.HandleFunc("PUT /admin/products/{product}", a.setStock)
	return p.serve(ctx, a, authorized(adminToken, admin), func(context.Context) error { return nil })
}

// RunRelay publishes the outboxes to the topic until ctx ends.
func RunRelay(ctx context.Context, p *Process, client *sns.Client, topicARN string) error {
	p.metrics = newMetrics()
	r := &relay{db: p.DB, topic: &topic{client, topicARN}, traces: p.Traces, metrics: p.metrics, log: p.Log}
	return p.serve(ctx, nothing(), nothing(), func(ctx context.Context) error { r.run(ctx); return nil })
}

// RunInventory decides on the orders of its queue until ctx ends.
func RunInventory(ctx context.Context, p *Process, client *sqs.Client, queueName string, visibility time.Duration) error {
	p.metrics = newMetrics()
	i := &inventory{db: p.DB, traces: p.Traces, metrics: p.metrics}
	return p.serve(ctx, nothing(), nothing(), func(ctx context.Context) error {
		q, err := p.awaitQueue(ctx, client, queueName)
		if err != nil || ctx.Err() != nil {
			return err
		}
		return consumer(q, p.DB, p.metrics, p.Log, visibility, traced(p.Traces, q, i.handle)).Run(ctx)
	})
}

// Mail is what the email role needs besides the rest.
type Mail struct {
	Client           *ses.Client
	From             string
	ConfigurationSet string
	Queue            string // events that ask for mails
	SESEvents        string // queue of SES's own events
	Sender           string // this process among all that send: host/process id
	// Lease is how long one attempt to send may take, from the row to SES's answer.
	// EventWait is how long, from when somebody meets an attempt whose lease is over,
	// SES's own event may still tell that the mail went out: only then does another
	// attempt take over.
	Lease, EventWait time.Duration
}

// RunEmail sends the mails that its queue asks for until ctx ends.
func RunEmail(ctx context.Context, p *Process, client *sqs.Client, m Mail, visibility time.Duration) error {
	p.metrics = newMetrics()
	rows := &mails{db: p.DB, sender: m.Sender, lease: m.Lease, wait: m.EventWait}
	sender := &email{mails: rows, ses: &mailer{m.Client, m.From, m.ConfigurationSet}, metrics: p.metrics, log: p.Log}
	events := &sesEvents{mails: rows, metrics: p.metrics}
	return p.serve(ctx, nothing(), nothing(), func(ctx context.Context) error {
		mails, err := p.awaitQueue(ctx, client, m.Queue)
		if err != nil || ctx.Err() != nil {
			return err
		}
		accepted, err := p.awaitQueue(ctx, client, m.SESEvents)
		if err != nil || ctx.Err() != nil {
			return err
		}
		c := consumer(accepted, p.DB, p.metrics, p.Log, visibility, events.handle)
		c.Workers = 2
		var listening sync.WaitGroup
		defer listening.Wait()
		listening.Go(func() {
			if err := c.Run(ctx); err != nil {
				p.Log.Error("SES events", "error", err)
			}
		})
		return consumer(mails, p.DB, p.metrics, p.Log, visibility, traced(p.Traces, mails, sender.handle)).Run(ctx)
	})
}

// serve runs the listeners, and work beside them once the schema is there.
func (p *Process) serve(ctx context.Context, public, admin http.Handler, work func(context.Context) error) error {
	defer p.Traces.Close()
	return role.Service{
		Addr: p.Addr, AdminAddr: p.AdminAddr, Public: p.Traces.Handler(public), Admin: p.observed(admin), Drain: p.DrainDelay,
		Work: func(ctx context.Context, ready func()) error {
			if p.DB != nil && !p.awaitSchema(ctx) {
				return nil
			}
			ready()
			return work(ctx)
		},
	}.Run(ctx)
}

// awaitSchema applies the schema as soon as the database answers, and reports
// false if ctx ended first.
func (p *Process) awaitSchema(ctx context.Context) bool {
	return p.insist(ctx, "waiting for the database", func() error { return prepare(ctx, p.DB) })
}

func (p *Process) awaitQueue(ctx context.Context, client *sqs.Client, name string) (q sqsconsumer.Queue, err error) {
	p.insist(ctx, "waiting for the queue", func() error { q, err = sqsconsumer.FindQueue(ctx, client, name); return err })
	if ctx.Err() != nil {
		return q, nil // it ends before it began
	}
	return q, err
}

// insist tries until it works or ctx ends.
func (p *Process) insist(ctx context.Context, what string, try func() error) bool {
	for ctx.Err() == nil {
		err := try()
		if err == nil {
			return true
		}
		p.Log.Warn(what, "error", err)
		pause := time.NewTimer(time.Second)
		select {
		case <-ctx.Done():
			pause.Stop()
		case <-pause.C:
		}
	}
	return false
}

// observed adds the metrics, for everybody who reaches the listener.
func (p *Process) observed(next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.metrics.registry, promhttp.HandlerOpts{}))
	mux.Handle("/", next)
	return mux
}

// authorized lets the bearer of the administration token pass.
func authorized(token string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !role.Authorized(r, token) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			problem.New(http.StatusUnauthorized, "token-required", http.StatusText(http.StatusUnauthorized),
				"Send the administration token as 'Authorization: Bearer …'.").Write(w)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// nothing is the listener of a role that nobody calls.
func nothing() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem.New(http.StatusNotFound, "not-found", http.StatusText(http.StatusNotFound), "This role serves no requests.").Write(w)
	})
}
