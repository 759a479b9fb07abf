package servicebusdlq

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/servicebusconsumer"
	"github.com/provingground/provingground/pkg/servicebusproducer"
	"github.com/provingground/provingground/pkg/tablebatch"
	"github.com/provingground/provingground/pkg/traces"
)

// RunProducer takes payments until ctx ends.
func RunProducer(ctx context.Context, p *Process, q Queues, admitPerSecond float64) error {
	plain, err := servicebusproducer.New(p.Client, q.Plain, maxSending)
	if err != nil {
		return err
	}
	ordered, err := servicebusproducer.New(p.Client, q.Ordered, maxSending)
	if err != nil {
		return err
	}
	producer := newProducer(plain, ordered, p.metrics, p.Log, admitPerSecond)
	producer.traces = p.Traces
	return p.serve(ctx, producer, nothing(), nil, func(context.Context) error { return nil })
}

// Processor is what that role is told besides the rest.
type Processor struct {
	Messages   int // handled at once, of the queue without sessions
	Sessions   int // held at once, of the other
	AdminToken string
}

// RunProcessor books payments until ctx ends.
func RunProcessor(ctx context.Context, p *Process, q Queues, table *aztables.Client, o Processor) error {
	l := ledger{table}
	public, admin := accounts{l, answers{p.metrics, p.Log}}, http.NewServeMux()
	admin.HandleFunc("PUT /admin/rates/{currency}", public.setRate)
	return p.serve(ctx, public.mux(), authorized(o.AdminToken, admin), table, func(ctx context.Context) error {
		return errors.Join(consume(ctx, p.consumers(q, l, o)...)...)
	})
}

// consumers are the role's work.
func (p *Process) consumers(q Queues, l ledger, o Processor) []*servicebusconsumer.Consumer {
	b := &processor{l, p.metrics, p.Log}
	handle := func(queue string) func(context.Context, *servicebusconsumer.Message) error {
		return traces.Each(p.Traces, traces.Channel{System: "servicebus", Name: queue}, carried, b.handle)
	}
	return []*servicebusconsumer.Consumer{
		{Client: p.Client, Queue: q.Plain, Messages: o.Messages, MaxFailures: maxFailures, Handle: handle(q.Plain), Observe: b.observe},
		{Client: p.Client, Queue: q.Ordered, Sessions: o.Sessions, MaxFailures: maxFailures, Handle: handle(q.Ordered), Observe: b.observe},
	}
}

// consume runs consumers until ctx ends.
func consume(ctx context.Context, all ...*servicebusconsumer.Consumer) []error {
	ended := make([]error, len(all))
	var beside sync.WaitGroup
	for i, c := range all {
		beside.Go(func() { ended[i] = c.Run(ctx) })
	}
	beside.Wait()
	return ended
}

// collecting is how many dead letters of a queue are taken at once.
const collecting = 4

// RunQuarantine keeps dead letters, shows them and sends them back until ctx ends.
func RunQuarantine(ctx context.Context, p *Process, q Queues, payments, letters *aztables.Client, adminToken string) error {
	v := vault{letters}
	begun := make(chan struct{}, 1)
	back := &sender{vault: v, ledger: ledger{payments}, queues: map[string]*servicebusproducer.Queue{}, begun: begun, log: p.Log}
	for _, name := range []string{q.Plain, q.Ordered} {
		var err error
		if back.queues[name], err = servicebusproducer.New(p.Client, name, 1); err != nil {
			return err
		}
	}
	desk := &desk{v, begun, answers{p.metrics, p.Log}}
	return p.serve(ctx, authorized(adminToken, desk.mux()), nothing(), letters, func(ctx context.Context) error {
		var beside sync.WaitGroup
		defer beside.Wait()
		beside.Go(func() { back.run(ctx) })
		beside.Go(func() { p.watch(ctx, v) })
		return errors.Join(consume(ctx, p.collectors(q, v)...)...)
	})
}

func (p *Process) collectors(q Queues, v vault) (all []*servicebusconsumer.Consumer) {
	c := collector{v, p.metrics, p.Log}
	for _, name := range []string{q.Plain, q.Ordered} {
		all = append(all, &servicebusconsumer.Consumer{
			Client: p.Client, Queue: name, Dead: true, Messages: collecting, Handle: c.from(name), Observe: c.observe,
		})
	}
	return all
}

// watch counts the letters that wait for somebody.
func (p *Process) watch(ctx context.Context, v vault) {
	const every = 10 * time.Second
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		n := 0
		err := v.each(ctx, "", func(l *Letter) bool {
			if l.State == Open {
				n++
			}
			return true
		})
		if err == nil {
			p.metrics.open.Set(float64(n))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// RunBefore runs the processor that clogs and doubles until ctx ends.
func RunBefore(ctx context.Context, p *Process, b Before, table *aztables.Client) error {
	return p.serve(ctx, nothing(), nothing(), table, func(ctx context.Context) error {
		p.insist(ctx, "receive", func() error { return b.run(ctx, p.Client, ledger{table}, p.metrics, p.Log) })
		return nil
	})
}

// serve runs the listeners, and work beside them once the table is there.
func (p *Process) serve(ctx context.Context, public, admin http.Handler, table *aztables.Client, work func(context.Context) error) error {
	observed := http.NewServeMux()
	observed.Handle("GET /metrics", promhttp.HandlerFor(p.metrics.registry, promhttp.HandlerOpts{}))
	observed.Handle("/", admin)
	return role.Service{
		Addr: p.Addr, AdminAddr: p.AdminAddr, Public: p.Traces.Handler(public), Admin: observed, WriteTimeout: 30 * time.Second, Drain: p.DrainDelay,
		Work: func(ctx context.Context, ready func()) error {
			if table != nil && !p.insist(ctx, "waiting for the table", func() error { return prepare(ctx, table) }) {
				return nil
			}
			ready()
			return work(ctx)
		},
	}.Run(ctx)
}

func prepare(ctx context.Context, table *aztables.Client) error {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	return tablebatch.Prepare(ctx, table)
}

// insist tries until it works or ctx ends, and reports which.
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
