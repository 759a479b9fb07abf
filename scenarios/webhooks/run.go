package webhooks

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/traces"
)

// RunReceiver takes events in until ctx ends.
func RunReceiver(ctx context.Context, c Common, topic string, providers map[string]Scheme, admitPerSecond float64) error {
	m := newMetrics()
	p := newPublisher(c.Client, topic, m)
	p.Attributes = c.Traces.Carry
	defer p.Stop()
	return c.serve(ctx, newReceiver(providers, p, admitPerSecond, m, c.Log), m, func(ctx context.Context, ready func()) error {
		ready()
		<-ctx.Done()
		return nil
	})
}

// Processor is what that role is told besides the rest.
type Processor struct {
	DB           *pgxpool.Pool
	Pool         int32  // connections of one instance
	Instances    int    // at most, of all versions together
	Subscription string // to pull from; empty: only push
	DeadTopic    string
	Push         Push // without an audience nobody may push
}

// RunProcessor applies events until ctx ends.
func RunProcessor(ctx context.Context, c Common, o Processor) error {
	m := newMetrics()
	dead := newDeadLetters(c.Client, o.DeadTopic)
	defer dead.stop()
	events := &inbox{o.DB}
	p := newProcessor(events, dead, m, c.Log)
	p.traces, p.from = c.Traces, traces.Channel{System: "gcp_pubsub", Name: cmp.Or(o.Subscription, "push")}
	mux := http.NewServeMux()
	mux.Handle("GET /api/accounts/{provider}/{account}", accounts(events))
	if o.Push.Audience != "" {
		mux.Handle("POST /push", &push{who: o.Push, processor: p})
	}
	return c.serve(ctx, mux, m, func(ctx context.Context, ready func()) error {
		if err := c.awaitSchema(ctx, o); err != nil {
			return err
		}
		ready()
		return process(ctx, c, p, o)
	})
}

// process ends in the order of the flow: nothing new comes, what was received is
// finished, then those end who finish it.
func process(ctx context.Context, c Common, p *processor, o Processor) error {
	finishing, finished := context.WithCancel(context.WithoutCancel(ctx))
	var beside sync.WaitGroup
	beside.Go(func() { p.run(finishing) })
	beside.Go(func() { c.keepPartitions(ctx, o.DB) })
	defer beside.Wait()
	defer finished()
	if o.Subscription == "" {
		<-ctx.Done()
		time.Sleep(c.DrainDelay) // pushes that are under way
		return nil
	}
	return p.pull(ctx, c.Client.Subscriber(o.Subscription))
}

// keepPartitions makes tomorrow's partitions today.
func (c Common) keepPartitions(ctx context.Context, db *pgxpool.Pool) {
	for sleep(ctx, time.Hour) {
		if err := partition(ctx, db, time.Now()); err != nil {
			c.Log.Error("partitions", "error", err)
		}
	}
}

// awaitSchema applies the schema as soon as the database answers. Too many
// connections are a mistake that no waiting mends.
func (c Common) awaitSchema(ctx context.Context, o Processor) error {
	for {
		err := prepare(ctx, o.DB, time.Now())
		if err == nil {
			err = fits(ctx, o.DB, o.Instances, o.Pool)
		}
		if err == nil || errors.Is(err, errConnections) {
			return err
		}
		c.Log.Warn("waiting for the database", "error", err)
		if !sleep(ctx, time.Second) {
			return nil
		}
	}
}

const writeTimeout = 30 * time.Second

// serve runs the listeners, and work beside them.
func (c Common) serve(ctx context.Context, public http.Handler, m *metrics, work func(ctx context.Context, ready func()) error) error {
	admin := http.NewServeMux()
	admin.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	defer c.Traces.Close()
	return role.Service{
		Addr: c.Addr, AdminAddr: c.AdminAddr, Public: c.Traces.Handler(public), Admin: admin, WriteTimeout: writeTimeout, Drain: c.DrainDelay, Work: work,
	}.Run(ctx)
}
