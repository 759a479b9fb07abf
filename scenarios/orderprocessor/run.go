package orderprocessor

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/provingground/provingground/pkg/problem"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/servicebusconsumer"
	"github.com/provingground/provingground/pkg/servicebusproducer"
	"github.com/provingground/provingground/pkg/tablebatch"
	"github.com/provingground/provingground/pkg/traces"
)

// Limits of one intake process, in orders per second.
type Limits struct {
	Admit    float64 // of all customers together
	Customer float64 // of each one
}

// maxSending bounds the orders that wait for the broker's answer.
const maxSending = 512

// RunIntake accepts orders until ctx ends.
func RunIntake(ctx context.Context, c Common, l Limits) error {
	m := newMetrics()
	q, err := servicebusproducer.New(c.Client, c.Queue, maxSending)
	if err != nil {
		return err
	}
	i := newIntake(q, newStore(c.Table), l.Admit, l.Customer, m, c.Log)
	i.traces = c.Traces
	return c.serve(ctx, i, http.NewServeMux(), m, func(ctx context.Context, ready func()) error {
		ready()
		<-ctx.Done()
		return nil
	})
}

// Processor is what that role is told besides the rest.
type Processor struct {
	Sessions   int // held by one process
	AdminToken string
}

// RunProcessor processes orders until ctx ends.
func RunProcessor(ctx context.Context, c Common, o Processor) error {
	m := newMetrics()
	admin := http.NewServeMux()
	admin.HandleFunc("GET /admin/dead-letters", listDeadLetters(c.Client, c.Queue, o.AdminToken))
	nothing := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem.New(http.StatusNotFound, "not-found", "Not found", "Orders are placed and looked for at intake.").Write(w)
	})
	return c.serve(ctx, nothing, admin, m, func(ctx context.Context, ready func()) error {
		if !c.awaitTable(ctx) {
			return nil
		}
		ready()
		return c.consumer(newStore(c.Table), o.Sessions, m).Run(ctx)
	})
}

// consumer is the role's work.
func (c Common) consumer(s *store, sessions int, m *metrics) *servicebusconsumer.Consumer {
	p := &processor{s, m, c.Log}
	return &servicebusconsumer.Consumer{
		Client: c.Client, Queue: c.Queue, Sessions: sessions, Observe: p.observe,
		Handle: traces.Each(c.Traces, traces.Channel{System: "servicebus", Name: c.Queue}, carried, p.handle),
	}
}

// awaitTable makes the table as soon as storage answers, and reports false if ctx
// ended first.
func (c Common) awaitTable(ctx context.Context) bool {
	for {
		preparing, cancel := context.WithTimeout(ctx, applyTimeout)
		err := tablebatch.Prepare(preparing, c.Table)
		cancel()
		if err == nil {
			return true
		}
		c.Log.Warn("waiting for the table", "error", err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(time.Second):
		}
	}
}

const writeTimeout = 30 * time.Second

// serve runs the listeners, and work beside them.
func (c Common) serve(ctx context.Context, public http.Handler, admin *http.ServeMux, m *metrics, work func(ctx context.Context, ready func()) error) error {
	admin.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	defer c.Traces.Close()
	err := role.Service{
		Addr: c.Addr, AdminAddr: c.AdminAddr, Public: c.Traces.Handler(public), Admin: admin, WriteTimeout: writeTimeout, Drain: c.DrainDelay, Work: work,
	}.Run(ctx)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if closed := c.Client.Close(closing); closed != nil && err == nil {
		c.Log.Warn("close", "error", fmt.Errorf("the Service Bus: %w", closed))
	}
	return err
}
