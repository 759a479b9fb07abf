package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/loadtest/machine"
)

const closeTimeout = 30 * time.Second

// bench is everything that runs while the URL shortener is measured.
type bench struct {
	options
	say     io.Writer
	wrk     *wrk
	nginx   *nginx
	service *service
}

// redirects prints what a redirect costs.
func redirects(ctx context.Context, o options, out, say io.Writer) error {
	b, err := open(ctx, o, say)
	if err != nil {
		return err
	}
	rows, err := measure(ctx, o.rounds, b.cases(), b.processes(), say)
	if err = errors.Join(err, b.close(ctx)); err != nil {
		return err
	}
	return b.print(out, rows)
}

// open starts what is measured, or nothing.
func open(ctx context.Context, o options, say io.Writer) (*bench, error) {
	cloud, err := server.Open(ctx, server.Options{Provider: server.Native, Out: say})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	b := &bench{options: o, say: say}
	if b.wrk, err = findWrk(ctx, cloud); err != nil {
		return nil, err
	}
	if b.nginx, err = startNginx(ctx, cloud); err != nil {
		return nil, err
	}
	if b.service, err = startService(ctx, cloud, o.row, say); err != nil {
		return nil, errors.Join(err, b.close(ctx))
	}
	return b, nil
}

// close ends what open started, also when ctx is over.
func (b *bench) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return errors.Join(b.service.close(ctx), b.nginx.close(ctx))
}

// cases are the rows of the table, in its order.
func (b *bench) cases() []pairing {
	api, nginx := b.service.processes(), b.nginx.processes()
	return []pairing{
		{name: "loadtest at 10,000/s → api ×2", server: api, load: atRate(b.service.redirects())},
		{name: "loadtest at 10,000/s → nginx", server: nginx, load: atRate(b.nginx.atRate(rate, b.row))},
		{name: "wrk, all it can → nginx", server: nginx, load: b.wrk.atMost(b.nginx.url, b.row)},
		{name: "wrk, all it can → api ×1, one hot link", server: api, load: b.wrk.atMost(b.service.hot, b.row)},
		{name: "loadtest, all it can → nginx", server: nginx, load: atMost(b.nginx.atMost(b.row))},
	}
}

// processes lists every part of the run: one that is missing would count as others.
func (b *bench) processes() []machine.Process {
	all := append([]machine.Process{self()}, b.service.processes()...)
	all = append(all, b.service.stores()...)
	return append(all, b.nginx.processes()...)
}
