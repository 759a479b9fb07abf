package machine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
)

// A Reference is how the reference server did.
type Reference struct {
	Rate             float64 // arrivals per second
	Duration         time.Duration
	Intended, Failed int64
	P50, P99, Max    time.Duration
	LagP50, LagP99   time.Duration // of sending
}

// ReferenceRate is the rate in arrivals per second at which a machine is judged.
const ReferenceRate = 10_000

// Bounds of a reference at another rate: below, three seconds hold too few
// requests for a p99; above, two cores do not carry a bare server and its
// generator, and the figure would be of the queue between them.
const (
	minReferenceRate = 100
	maxReferenceRate = 30_000
)

// MeasureReference starts command, a program that runs [ReferenceServer] and
// gives it its standard output, sends [ReferenceRate] over 64 connections for 1 s
// of warm-up and 3 s of measurement, and stops it.
func MeasureReference(ctx context.Context, command ...string) (Reference, error) {
	return MeasureReferenceAt(ctx, ReferenceRate, command...)
}

// MeasureReferenceAt is [MeasureReference] at another rate, such as that of the
// run, to read its percentiles by; it judges nothing. The rate is brought within
// 100/s and 30,000/s; [Reference.Rate] says what it became.
func MeasureReferenceAt(ctx context.Context, rate float64, command ...string) (Reference, error) {
	rate = min(max(rate, minReferenceRate), maxReferenceRate)
	return measure(ctx, engine.Constant{Rate: rate, Duration: 4 * time.Second}, time.Second, command)
}

func measure(ctx context.Context, load engine.Constant, warmUp time.Duration, command []string) (_ Reference, err error) {
	if len(command) == 0 {
		return Reference{}, errors.New("machine: reference: no command")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := startServer(ctx, command)
	if err != nil {
		return Reference{}, fmt.Errorf("machine: reference: %w", err)
	}
	defer func() {
		cancel()
		_ = c.cmd.Wait() // it was told to end
	}()
	res, err := engine.Run(ctx, engine.Options{}, referenceFlow(c.addr, load, warmUp))
	if err != nil {
		return Reference{}, fmt.Errorf("machine: reference: %w", err)
	}
	if res.Interrupted {
		return Reference{}, fmt.Errorf("machine: reference: %w", context.Cause(ctx))
	}
	return reference(res.Flows[0], load, warmUp), nil
}

func reference(f engine.FlowResult, load engine.Constant, warmUp time.Duration) Reference {
	return Reference{
		Rate: load.Rate, Duration: load.Duration - warmUp,
		Intended: f.Measured.Intended, Failed: f.Measured.Failed(),
		P50: f.LatencyOK.Quantile(0.5), P99: f.LatencyOK.Quantile(0.99), Max: f.LatencyOK.Max(),
		LagP50: f.Lag.Quantile(0.5), LagP99: f.Lag.Quantile(0.99),
	}
}

type child struct {
	cmd  *exec.Cmd
	addr string
}

// startServer starts the command and reads the address it listens on.
func startServer(ctx context.Context, command []string) (child, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 2 * time.Second
	cmd.Stderr = os.Stderr
	// The settings of the generator are not those of a server.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GOMAXPROCS=") || strings.HasPrefix(v, "GOGC=")
	})
	out, err := cmd.StdoutPipe()
	if err != nil {
		return child{}, err
	}
	if err := cmd.Start(); err != nil {
		return child{}, err
	}
	// Ends with the process at the latest, which ctx ends.
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		return child{}, fmt.Errorf("%s told no address: %w", command[0], errors.Join(lines.Err(), cmd.Wait()))
	}
	return child{cmd: cmd, addr: lines.Text()}, nil
}

func referenceFlow(addr string, load engine.Constant, warmUp time.Duration) engine.Flow {
	return engine.Flow{
		Name: "reference", Schedule: load, WarmUp: warmUp,
		New: func(int) (engine.Sender, error) {
			request, err := http1.NewRequest("GET", "/", addr, nil)
			if err != nil {
				return nil, err
			}
			return &reader{client: http1.Client{Addr: addr}, request: request}, nil
		},
	}
}

// reader expects the redirect.
type reader struct {
	client  http1.Client
	request []byte
	resp    http1.Response
}

func (r *reader) Send(ctx context.Context, _ int64) engine.Outcome {
	if err := r.client.Do(ctx, r.request, &r.resp); err != nil {
		return engine.Outcome{Kind: engine.KindOf(err)}
	}
	if r.resp.Status != http.StatusFound {
		return engine.Outcome{Kind: engine.Status, Status: r.resp.Status}
	}
	return engine.Outcome{Kind: engine.OK, Status: r.resp.Status}
}

func (r *reader) Close() error { return r.client.Close() }
