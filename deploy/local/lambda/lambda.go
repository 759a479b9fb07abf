//go:build unix

// Package lambda runs a program as AWS Lambda runs a function of the runtime
// provided.al2023, for as long as somebody wants it on one machine.
//
// The program is the one that is deployed: it asks the Runtime API for work. Each
// execution environment is a process of it with an API of its own. As on Lambda,
//
//   - an environment has one request at a time, and is used again for the next;
//   - between requests it is frozen: no timer fires, no goroutine runs;
//   - there is a new one, a cold start, when all others are busy; those provisioned
//     are there before;
//   - there are no more than the reserved concurrency: beyond, a request is throttled;
//   - one that nobody used for a while is ended, and one that fails is never used again.
//
// What Lambda has beyond that is not here: limits of memory and processor,
// extensions, and asynchronous invocation. A [Gateway] takes HTTP requests to the
// function, a [Mapping] messages from SQS.
package lambda

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// ErrThrottled says that all environments are busy and no more may be started. The
// request was not made.
var ErrThrottled = errors.New("lambda: concurrency is reached")

// errClosed says that the host was closed.
var errClosed = errors.New("lambda: the host is closed")

// Function says what to run and how. Name and Path must be set.
type Function struct {
	Name string
	Path string   // of the program, which Lambda calls bootstrap
	Env  []string // KEY=value, beside those that Lambda sets; nothing else is inherited

	Timeout     time.Duration // of a request; default 3 s, as Lambda's
	InitTimeout time.Duration // until it asks for work; default 10 s
	MemoryMB    int           // that the function is told of; nothing holds it to that; default 128
	Concurrency int           // environments at once; default 10
	Provisioned int           // environments started at once, and not ended when idle; default none
	Idle        time.Duration // after which an unused environment is ended; default 5 min
	Log         string        // file that gets what the program prints; default: discarded
}

func (f Function) withDefaults() Function {
	set := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	set(&f.Timeout, 3*time.Second)
	set(&f.InitTimeout, 10*time.Second)
	set(&f.Idle, 5*time.Minute)
	if f.MemoryMB <= 0 {
		f.MemoryMB = 128
	}
	if f.Concurrency <= 0 {
		f.Concurrency = 10
	}
	return f
}

// arn is what the function calls itself.
func (f Function) arn() string {
	return "arn:aws:lambda:us-east-1:000000000000:function:" + f.Name
}

// environment is what Lambda sets (read: "Defined runtime environment variables",
// 2026-11-24), as far as it makes sense here.
func (f Function) environment(api string) []string {
	return append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"AWS_LAMBDA_FUNCTION_NAME=" + f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"LAMBDA_TASK_ROOT=" + filepath.Dir(f.Path),
		"_HANDLER=" + filepath.Base(f.Path),
		"PATH=" + os.Getenv("PATH"),
		"TZ=:UTC",
	}, f.Env...)
}

// Host has the environments of one function. Its methods may be called by several
// goroutines.
type Host struct {
	function Function
	reaping  sync.WaitGroup
	stop     chan struct{}

	provisioned []*environment // at the start

	mu     sync.Mutex
	closed bool
	all    map[*environment]bool
	idle   []*environment // the one used last is at the end, and is used first
	stats  Stats
}

// Stats counts what a host did.
type Stats struct {
	Environments int // that there are
	ColdStarts   int
	Throttled    int
	Ended        int // after they were idle
}

// Start returns a host of the function, which starts nothing before the first
// request. The caller closes it.
func Start(f Function) (*Host, error) {
	if f.Name == "" || f.Path == "" {
		return nil, errors.New("lambda: a function needs a name and a program")
	}
	if _, err := os.Stat(f.Path); err != nil {
		return nil, fmt.Errorf("lambda: function %s: %w", f.Name, err)
	}
	h := &Host{function: f.withDefaults(), stop: make(chan struct{}), all: map[*environment]bool{}}
	if err := h.provision(); err != nil {
		h.Close()
		return nil, err
	}
	h.reaping.Go(h.reap)
	return h, nil
}

// provision starts environments ahead of their requests. One that fails later is
// not replaced, as Lambda would: the next one is a cold start.
func (h *Host) provision() error {
	for range min(h.function.Provisioned, h.function.Concurrency) {
		e, err := newEnvironment(h.function)
		if err != nil {
			return err
		}
		e.unused = time.Now()
		h.all[e], h.idle = true, append(h.idle, e)
	}
	h.provisioned = slices.Clone(h.idle)
	return nil
}

// AwaitProvisioned waits until the environments that are started ahead have asked
// for work, or ended, as those of Lambda are allocated before they are used.
func (h *Host) AwaitProvisioned(ctx context.Context) {
	for _, e := range h.provisioned {
		select {
		case <-e.begun:
		case <-e.process.Done():
		case <-ctx.Done():
			return
		}
	}
}

// Stats returns the counts so far.
func (h *Host) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.stats
	s.Environments = len(h.all)
	return s
}

// Invoke makes a request and returns the function's answer. ErrThrottled means
// that it was not made; a [*FunctionError] that the function failed, took too long
// or ended. When ctx ends first, the environment is ended with the request.
func (h *Host) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	for {
		e, err := h.take()
		if err != nil {
			return nil, err
		}
		answer, err := e.invoke(ctx, payload)
		h.giveBack(e)
		if errors.Is(err, errUntouched) && ctx.Err() == nil {
			continue // it had ended while it was idle
		}
		return answer, err
	}
}

// take returns an environment that has no request.
func (h *Host) take() (*environment, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errClosed
	}
	if n := len(h.idle); n > 0 {
		e := h.idle[n-1]
		h.idle = h.idle[:n-1]
		return e, nil
	}
	if len(h.all) >= h.function.Concurrency {
		h.stats.Throttled++
		return nil, ErrThrottled
	}
	e, err := newEnvironment(h.function)
	if err != nil {
		return nil, err
	}
	h.all[e] = true
	h.stats.ColdStarts++
	return e, nil
}

// giveBack keeps an environment for the next request, or ends it.
func (h *Host) giveBack(e *environment) {
	h.mu.Lock()
	keep := e.healthy() && !h.closed
	if keep {
		e.unused = time.Now()
		h.idle = append(h.idle, e)
	} else {
		delete(h.all, e)
	}
	h.mu.Unlock()
	if !keep {
		e.close()
	}
}

// reap ends what nobody used for a while.
func (h *Host) reap() {
	tick := time.NewTicker(max(h.function.Idle/4, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-h.stop:
			return
		case now := <-tick.C:
			for _, e := range h.overdue(now) {
				e.close()
			}
		}
	}
}

func (h *Host) overdue(now time.Time) (over []*environment) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.idle = slices.DeleteFunc(h.idle, func(e *environment) bool {
		if now.Sub(e.unused) < h.function.Idle || len(h.all) <= h.function.Provisioned {
			return false
		}
		over = append(over, e)
		delete(h.all, e)
		h.stats.Ended++
		return true
	})
	return over
}

// Close ends all environments; requests under way fail.
func (h *Host) Close() {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.closed = true
	all := h.all
	h.all, h.idle = map[*environment]bool{}, nil
	h.mu.Unlock()
	close(h.stop)
	h.reaping.Wait()
	for e := range all {
		e.close()
	}
}
