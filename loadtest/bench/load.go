package main

import (
	"context"
	"net/http"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
)

const (
	rate        = 10_000
	connections = 64
	warmUp      = time.Second // its latency does not count
)

// atRate sends a flow and takes its latency.
func atRate(flow engine.Flow) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) { return send(ctx, flow) }
}

// atMost sends a closed loop, whose latency is the time of service.
func atMost(flow engine.Flow) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		s, err := send(ctx, flow)
		s.latency, s.lag50, s.lag99 = quantiles{}, 0, 0
		return s, err
	}
}

func send(ctx context.Context, flow engine.Flow) (sample, error) {
	res, err := engine.Run(ctx, engine.Options{}, flow)
	if err != nil {
		return sample{}, err
	}
	if res.Interrupted {
		return sample{}, context.Cause(ctx)
	}
	f := res.Flows[0]
	return sample{
		requests: f.Warm.Completed + f.Measured.Completed, elapsed: res.Elapsed,
		intended: f.Warm.Intended + f.Measured.Intended,
		failed:   f.Warm.Failed() + f.Measured.Failed(),
		latency: quantiles{
			p50: f.LatencyOK.Quantile(0.5), p90: f.LatencyOK.Quantile(0.9),
			p99: f.LatencyOK.Quantile(0.99), max: f.LatencyOK.Max(),
		},
		lag50: f.Lag.Quantile(0.5), lag99: f.Lag.Quantile(0.99),
	}, nil
}

// reader asks one address for its redirect.
type reader struct {
	client  http1.Client
	request []byte
	resp    http1.Response
}

func newReader(addr string) (engine.Sender, error) {
	request, err := http1.NewRequest("GET", "/", addr, nil)
	if err != nil {
		return nil, err
	}
	return &reader{client: http1.Client{Addr: addr}, request: request}, nil
}

// Send implements [engine.Sender].
func (r *reader) Send(ctx context.Context, _ int64) engine.Outcome {
	if err := r.client.Do(ctx, r.request, &r.resp); err != nil {
		return engine.Outcome{Kind: engine.KindOf(err)}
	}
	if r.resp.Status != http.StatusFound {
		return engine.Outcome{Kind: engine.Status, Status: r.resp.Status}
	}
	return engine.Outcome{Kind: engine.OK, Status: r.resp.Status}
}

// Close implements [engine.Sender].
func (r *reader) Close() error { return r.client.Close() }
