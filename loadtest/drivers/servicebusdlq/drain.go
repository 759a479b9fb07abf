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

// throughput is healthy payments booked per second, out of one backlog after the other,
// and what the table server used meanwhile, in cores.
type throughput struct {
	clean, poisoned []float64
	tables          []float64
}

// mean is that of equal backlogs: all payments by all the time.
func mean(rates []float64) float64 {
	seconds := 0.0
	for _, r := range rates {
		seconds += 1 / r
	}
	return float64(len(rates)) / seconds
}

// throughput drains backlogs without poison and with, in an order that gives neither
// the emptier table. What a round leaves in retries ends before the next.
func (c *comparison) throughput(ctx context.Context, s site) (t throughput, err error) {
	for round, poison := range []bool{false, true, true, false, false, true, true, false} {
		rate, cores, err := c.drain(ctx, s, fmt.Sprintf("drain-%d", round), poison)
		if err == nil {
			err = c.buried(ctx)
		}
		if err != nil {
			return t, err
		}
		t.tables = append(t.tables, cores)
		if poison {
			t.poisoned = append(t.poisoned, rate)
		} else {
			t.clean = append(t.clean, rate)
		}
	}
	return t, nil
}

// drain returns how many healthy payments per second were booked out of a backlog, and
// how many cores the table server used.
func (c *comparison) drain(ctx context.Context, s site, part string, poison bool) (rate, cores float64, err error) {
	want := max(200, int(backlogRate*c.d.setup.Rate))
	var all []*azservicebus.Message
	for i := range want {
		all = append(all, c.message(part, wholesome, c.d.data(wholesome, 100)))
		if poison && i%poisonOf == poisonOf/3 {
			of := 1 + kind(i/poisonOf%int(kinds-1))
			all = append(all, c.message("poison-"+part, of, c.d.data(of, 100)))
		}
	}
	before, begin := c.d.finished(ctx), time.Now()
	idle, err := machine.Take(c.d.tableServer()...)
	if err != nil {
		return 0, 0, err
	}
	if err := c.send(ctx, s.queue, all); err != nil {
		return 0, 0, err
	}
	c.finish(ctx, before+float64(want))
	busy, err := machine.Take(c.d.tableServer()...)
	if err != nil {
		return 0, 0, err
	}
	n, err := c.await(ctx, s, part, want, 2*time.Minute)
	switch {
	case err != nil:
		return 0, 0, err
	case n < want:
		return 0, 0, fmt.Errorf("%d of %d payments of a backlog were booked in two minutes", n, want)
	}
	_, _, last, err := c.count(ctx, s, part)
	used := machine.Between(idle, busy)
	for _, p := range used.Processes {
		cores += p.CPU.Seconds() / used.Window.Seconds()
	}
	return float64(n) / last.Sub(begin).Seconds(), cores, err
}

// tableServer is the process that the table server is, or none where it runs elsewhere.
func (d *Driver) tableServer() []machine.Process {
	const name = "tables"
	if d.setup.Stack.Servers == nil || d.setup.Stack.Servers.Get(name).PID() == 0 {
		return nil
	}
	return []machine.Process{{Name: name, Group: machine.Server, PID: d.setup.Stack.Servers.Get(name).PID()}}
}

// finish waits until the processors have finished so many messages, or finish none for
// a while. It does not ask the table server: to read all rows again and again would
// take more of it than the payments do.
func (c *comparison) finish(ctx context.Context, want float64) {
	const calm = 3 * time.Second
	n, moved := c.d.finished(ctx), time.Now()
	for n < want && time.Since(moved) < calm && sleep(ctx, 200*time.Millisecond) {
		if now := c.d.finished(ctx); now > n {
			n, moved = now, time.Now()
		}
	}
}

// finished is how many messages the processors say they have handled and completed.
func (d *Driver) finished(ctx context.Context) float64 {
	return d.setup.Scrape(ctx)[`servicebusdlq_messages_total{outcome="done"}`]
}
