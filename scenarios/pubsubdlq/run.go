package pubsubdlq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/provingground/provingground/pkg/problem"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/traces"
)

// Process is what every role has.
type Process struct {
	Addr, AdminAddr string
	DrainDelay      time.Duration // from unready until the listener closes: longer than the balancer's check
	PubSub          *pubsub.Client
	DB              *pgxpool.Pool // nil in a role without one
	Log             *slog.Logger
	Traces          *traces.Provider // nil sends none

	metrics *metrics
}

// RunPublisher takes usage until ctx ends.
func RunPublisher(ctx context.Context, p *Process, topic string, admitPerSecond float64) error {
	events := newTopic(p.PubSub, topic, true)
	events.Attributes = p.Traces.Carry
	defer events.Stop()
	return p.serve(ctx, newIntake(events, p.metrics, p.Log, admitPerSecond), nothing(), func(context.Context) error { return nil })
}

// RunSubscriber charges what its subscription delivers until ctx ends. Without a
// subscription of the dead-letter topic it does not start: role.ErrUsage.
func RunSubscriber(ctx context.Context, p *Process, s Subscriber, adminToken string) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	s.Client, s.Traces = p.PubSub, p.Traces
	b := &biller{db: p.DB, process: fmt.Sprintf("%s/%d", host, os.Getpid()), park: s.OnPoison == Park}
	accounts := &accounts{db: p.DB, metrics: p.metrics, log: p.Log}
	return p.serve(ctx, accounts.public(), authorized(adminToken, accounts.admin()), func(ctx context.Context) error {
		if err := p.awaitDeadLetters(ctx, s); err != nil || ctx.Err() != nil {
			return err
		}
		c := s.consumer(b, p.metrics, p.Log)
		defer c.DeadLetters.Stop()
		return c.Run(ctx)
	})
}

// awaitDeadLetters asks until Pub/Sub answers. Its answer is final.
func (p *Process) awaitDeadLetters(ctx context.Context, s Subscriber) error {
	var refused error
	p.insist(ctx, "waiting for Pub/Sub", func() error {
		err := checkDeadLetters(ctx, s.Client, s.DeadTopic)
		if errors.Is(err, ErrNoDeadLetters) {
			refused = fmt.Errorf("%w: DEAD_TOPIC: %w", role.ErrUsage, err)
			return nil
		}
		return err
	})
	return refused
}

// RunDeadLetters keeps dead letters, shows them and sends them back until ctx ends.
func RunDeadLetters(ctx context.Context, p *Process, d DeadLetters, adminToken string) error {
	topic := newTopic(p.PubSub, d.Topic, true)
	defer topic.Stop()
	u := &undertaker{db: p.DB, topic: topic, metrics: p.metrics, log: p.Log}
	desk := &desk{db: p.DB, metrics: p.metrics, log: p.Log}
	return p.serve(ctx, authorized(adminToken, desk.mux()), nothing(), func(ctx context.Context) error {
		var beside sync.WaitGroup
		defer beside.Wait()
		beside.Go(func() { u.redrive(ctx) })
		beside.Go(func() { u.watch(ctx) })
		p.keep(ctx, "dead letters", func() error { return u.collect(ctx, p.PubSub.Subscriber(d.Subscription)) })
		return nil
	})
}

// RunBefore runs the subscriber that stalls until ctx ends.
func RunBefore(ctx context.Context, p *Process, b Before, adminToken string) error {
	b.Client = p.PubSub
	bills := &biller{db: p.DB, process: "before"}
	accounts := &accounts{db: p.DB, metrics: p.metrics, log: p.Log}
	return p.serve(ctx, accounts.public(), authorized(adminToken, accounts.admin()), func(ctx context.Context) error {
		p.keep(ctx, "receive", func() error { return b.run(ctx, bills, p.metrics) })
		return nil
	})
}

// serve runs the listeners, and work beside them once the schema is there.
func (p *Process) serve(ctx context.Context, public, admin http.Handler, work func(context.Context) error) error {
	return role.Service{
		Addr: p.Addr, AdminAddr: p.AdminAddr, Public: p.Traces.Handler(public), Admin: p.observed(admin), Drain: p.DrainDelay,
		Work: func(ctx context.Context, ready func()) error {
			if !p.awaitSchema(ctx) {
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
	return p.DB == nil || p.insist(ctx, "waiting for the database", func() error { return prepare(ctx, p.DB) })
}

// keep does something again whenever it ends with an error, until ctx ends.
func (p *Process) keep(ctx context.Context, what string, do func() error) {
	p.insist(ctx, what, func() error {
		err := do()
		if err == nil && ctx.Err() == nil {
			err = errors.New("it ended")
		}
		return err
	})
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
		problem.New(http.StatusNotFound, "not-found", http.StatusText(http.StatusNotFound), "There is nothing here.").Write(w)
	})
}
