package servicebusdlq

import (
	"context"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/loadtest/machine"
)

// backlogRate is how many seconds' worth of the load's rate a measured backlog has.
const backlogRate = 10

// A drained backlog.
type drained struct {
	perSecond float64       // healthy payments booked
	tables    float64       // cores that the table server used
	cpu       time.Duration // of servers and roles, for each healthy payment: however busy the machine is with others
}

// throughput is backlogs without poison and with.
type throughput struct{ clean, poisoned []drained }

// rates are those of the backlogs.
func rates(all []drained) (perSecond []float64) {
	for _, d := range all {
		perSecond = append(perSecond, d.perSecond)
	}
	return perSecond
}

// mean is that of equal backlogs: all payments by all the time.
func mean(all []drained) float64 {
	seconds := 0.0
	for _, d := range all {
		seconds += 1 / d.perSecond
	}
	return float64(len(all)) / seconds
}

// cpu is the mean cost of a payment.
func cpu(all []drained) (mean time.Duration) {
	for _, d := range all {
		mean += d.cpu / time.Duration(len(all))
	}
	return mean
}

// throughput drains backlogs without poison and with, in an order that gives neither
// the emptier table. What a round leaves in retries ends before the next.
func (c *comparison) throughput(ctx context.Context, s site) (t throughput, err error) {
	for round, poison := range []bool{false, true, true, false, false, true, true, false} {
		d, err := c.drain(ctx, s, fmt.Sprintf("drain-%d", round), poison)
		if err == nil {
			err = c.buried(ctx)
		}
		if err != nil {
			return t, err
		}
		if poison {
			t.poisoned = append(t.poisoned, d)
		} else {
			t.clean = append(t.clean, d)
		}
	}
	return t, nil
}

// drain sends a backlog, waits until its healthy payments are booked, and measures.
func (c *comparison) drain(ctx context.Context, s site, part string, poison bool) (d drained, err error) {
	all, want := c.backlog(part, poison)
	finished, begin := c.d.finished(ctx), time.Now()
	before, err := machine.Take(c.d.measuredProcesses()...)
	if err != nil {
		return d, err
	}
	if err := c.send(ctx, s.queue, all); err != nil {
		return d, err
	}
	c.finish(ctx, finished+float64(want))
	after, err := machine.Take(c.d.measuredProcesses()...)
	if err != nil {
		return d, err
	}
	n, err := c.await(ctx, s, part, want, 2*time.Minute)
	if err == nil && n < want {
		err = fmt.Errorf("%d of %d payments of a backlog were booked in two minutes", n, want)
	}
	if err != nil {
		return d, err
	}
	used := machine.Between(before, after)
	for _, p := range used.Processes {
		if p.Name == tableServer {
			d.tables = p.CPU.Seconds() / used.Window.Seconds()
		}
		d.cpu += p.CPU / time.Duration(want)
	}
	_, _, last, err := c.count(ctx, s, part)
	d.perSecond = float64(want) / last.Sub(begin).Seconds()
	return d, err
}

// backlog returns messages, and how many of them are healthy.
func (c *comparison) backlog(part string, poison bool) (all []*azservicebus.Message, healthy int) {
	healthy = max(200, int(backlogRate*c.d.setup.Rate))
	for i := range healthy {
		all = append(all, c.message(part, wholesome, c.d.data(wholesome, 100)))
		if poison && i%poisonOf == poisonOf/3 {
			of := 1 + kind(i/poisonOf%int(kinds-1))
			all = append(all, c.message("poison-"+part, of, c.d.data(of, 100)))
		}
	}
	return all, healthy
}

const tableServer = "tables"

// measuredProcesses are what works on payments, where it runs on this machine.
func (d *Driver) measuredProcesses() (all []machine.Process) {
	for _, in := range d.setup.Stack.Instances {
		if in.PID() != 0 {
			all = append(all, machine.Process{Name: in.Role, Group: machine.Role, PID: in.PID()})
		}
	}
	if d.setup.Stack.Servers == nil {
		return all
	}
	for _, name := range d.setup.Stack.Servers.Names() {
		if pid := d.setup.Stack.Servers.Get(name).PID(); pid != 0 {
			all = append(all, machine.Process{Name: name, Group: machine.Server, PID: pid})
		}
	}
	return all
}

// finish waits until the processors have finished so many messages, or finish none for
// a while. It does not ask the table server: to read all rows again and again would
// take more of it than the payments do.
func (c *comparison) finish(ctx context.Context, want float64) {
	const calm = 3 * time.Second
	n, moved := c.d.finished(ctx), time.Now()
	for n < want && time.Since(moved) < calm && sleep(ctx, time.Second) {
		if now := c.d.finished(ctx); now > n {
			n, moved = now, time.Now()
		}
	}
}

// finished is how many messages the processors say they have handled and completed.
func (d *Driver) finished(ctx context.Context) float64 {
	return d.setup.Scrape(ctx)[`servicebusdlq_messages_total{outcome="done"}`]
}
