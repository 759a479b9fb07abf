package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
)

const (
	rate        = 10_000
	tooMuch     = 250_000 // per second: more than one thread can send
	connections = 64
	warmUp      = time.Second // its latency does not count
)

// atRate sends a flow and takes its latency.
func (b *bench) atRate(flow engine.Flow) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		s, f, err := send(ctx, engine.Options{}, flow)
		if err != nil {
			return sample{}, err
		}
		s.failed = f.Warm.Failed() + f.Measured.Failed()
		s.p50, s.p99 = f.LatencyOK.Quantile(0.5), f.LatencyOK.Quantile(0.99)
		return s, nil
	}
}

// saturated sends a flow that no thread can keep up with, and stops where its
// schedule ends: the backlog is not worked off, and its latency says nothing.
func (b *bench) saturated(flow engine.Flow) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		s, f, err := send(ctx, engine.Options{Settle: time.Millisecond}, flow)
		if err != nil {
			return sample{}, err
		}
		if f.Measured.Unsent == 0 {
			return sample{}, errors.New("the generator kept up, so this is not its maximum")
		}
		// What was under way at the end was cut off by us.
		s.failed = f.Measured.Completed - f.Measured.Kinds[engine.OK]
		return s, nil
	}
}

func send(ctx context.Context, o engine.Options, flow engine.Flow) (sample, engine.FlowResult, error) {
	res, err := engine.Run(ctx, o, flow)
	if err != nil {
		return sample{}, engine.FlowResult{}, err
	}
	if res.Interrupted {
		return sample{}, engine.FlowResult{}, context.Cause(ctx)
	}
	f := res.Flows[0]
	return sample{requests: f.Warm.Completed + f.Measured.Completed, elapsed: res.Elapsed}, f, nil
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
