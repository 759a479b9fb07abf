package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/loadtest/machine"
)

const fastRate = 40_000

// contest is everything that runs while load generators are compared: all of them
// against one nginx.
type contest struct {
	options
	nginx  *nginx
	wrk    *wrk
	wrk2   *wrk2 // nil where it is not installed
	vegeta *vegeta
}

// The rows of the contest.
const (
	oursAtMost   = "loadtest, all it can"
	wrkAtMost    = "wrk, all it can"
	vegetaAtMost = "vegeta, all it can"
	oursSlow     = "loadtest, 10,000/s"
	vegetaSlow   = "vegeta, 10,000/s"
	wrk2Slow     = "wrk2, 10,000/s"
	oursFast     = "loadtest, 40,000/s"
	oursPaused   = "loadtest, 10,000/s for 10 s, nginx stopped for 2 s"
	vegetaPaused = "vegeta, the same"
	wrk2Paused   = "wrk2, the same, of 20 s"
)

// generators prints what the load generator is worth beside others.
func generators(ctx context.Context, o options, out, say io.Writer) error {
	cloud, err := server.Open(ctx, server.Options{Provider: server.Native, Out: say})
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	c := &contest{options: o, wrk2: findWrk2()}
	if c.wrk, err = findWrk(ctx, cloud); err != nil {
		return err
	}
	if c.vegeta, err = findVegeta(ctx, say); err != nil {
		return err
	}
	if c.nginx, err = startNginx(ctx, cloud); err != nil {
		return err
	}
	all := append([]machine.Process{self()}, c.nginx.processes()...)
	rows, err := measure(ctx, o.rounds, c.cases(), all, say)
	if err = errors.Join(err, c.nginx.close(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	return c.print(out, rows)
}

func (c *contest) cases() []pairing {
	n := c.nginx
	return onNginx(n, []pairing{
		{name: wrkAtMost, load: c.wrk.atMost(n.url, c.row)},
		{name: oursAtMost, load: atMost(n.atMost(c.row))},
		{name: vegetaAtMost, load: c.vegeta.atMost(n.url, c.row)},
		{name: oursSlow, load: atRate(n.atRate(rate, c.row))},
		{name: vegetaSlow, load: c.vegeta.atRate(n.url, rate, c.row)},
		{name: wrk2Slow, load: c.wrk2.atRate(n.url, rate, 10*time.Second+c.row)},
		{name: oursFast, load: atRate(n.atRate(fastRate, c.row))},
		{name: oursPaused, load: paused(n, atRate(n.pausing()))},
		{name: vegetaPaused, load: paused(n, c.vegeta.atRate(n.url, rate, pausedRun)), single: true},
		{name: wrk2Paused, load: paused(n, c.wrk2.atRate(n.url, rate, 2*pausedRun)), single: true},
	})
}

// onNginx leaves out what has no client.
func onNginx(n *nginx, cases []pairing) []pairing {
	var out []pairing
	for _, c := range cases {
		if c.load != nil {
			c.server = n.processes()
			out = append(out, c)
		}
	}
	return out
}

// print writes both tables, and what was wanted.
func (c *contest) print(w io.Writer, rows []row) error {
	c.printHost(w, others(rows), c.nginx.version, c.wrk.version, c.wrk2.name(), c.vegeta.version)
	var running, stopped []row
	for _, r := range rows {
		if strings.Contains(r.name, "stopped") || strings.Contains(r.name, "the same") {
			stopped = append(stopped, r)
		} else {
			running = append(running, r)
		}
	}
	lag := []column{
		timed("lag p50", func(s sample) time.Duration { return s.lag50 }),
		timed("lag p99", func(s sample) time.Duration { return s.lag99 }),
	}
	if err := writeTable(w, "client → nginx return 302", append(append(common(), lag...), failures()), running); err != nil {
		return err
	}
	fmt.Fprintln(w)
	if err := writeTable(w, "pause", pauseColumns(), stopped); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, f := range figures(rows) {
		fmt.Fprintln(w, f)
	}
	_, err := fmt.Fprintf(w, `
client µs, server µs: processor time per request, user and system, start and end of the load included.
all it can: a closed loop of %d connections. p50, p99 at a rate: from the time a request was due.
lag: from that time to sending. Wanted figures are the best of the rounds with others at most %.0f %% of the cores;
a ratio is taken within a round. Client and server share the cores: a maximum is that of the pair.

nginx:  %s
%s
wrk:    %s %s
vegeta: %s %s
        %s %s
`, connections, machine.MaxOthers*100, c.nginx.command, indent(c.nginx.config),
		c.wrk.program, strings.Join(wrkArgs(c.row, c.nginx.url), " "),
		c.vegeta.program, strings.Join(vegetaArgs(rate, c.row), " "),
		c.vegeta.program, strings.Join(vegetaArgs(0, c.row), " "))
	return err
}
