//go:build unix

package lambda

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/provingground/provingground/deploy/local/process"
)

// errUntouched says that an environment ended before it saw the request.
var errUntouched = errors.New("lambda: the environment ended before it took the request")

// A FunctionError is what became of a request that was not answered.
type FunctionError struct {
	Type    string `json:"errorType"` // of the function's own; or Sandbox.Timedout, Runtime.ExitError
	Message string `json:"errorMessage"`
}

// Error implements error.
func (e *FunctionError) Error() string { return "lambda: " + e.Type + ": " + e.Message }

// environment is one process of the function and the Runtime API that it talks to.
type environment struct {
	function Function
	process  *process.Process
	server   *http.Server
	serving  sync.WaitGroup
	work     chan *request
	once     sync.Once
	begun    chan struct{} // closed when it asks for work the first time
	unused   time.Time     // since when; the host's

	mu      sync.Mutex
	current *request
	failed  bool // it is not to be used again
}

// request is one invocation.
type request struct {
	id       string
	payload  []byte
	deadline time.Time
	answer   chan answered // has room for one
}

type answered struct {
	body []byte
	err  error
}

// newEnvironment starts the process. That it gets ready is waited for by the first
// request.
func newEnvironment(f Function) (*environment, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("lambda: runtime API: %w", err)
	}
	e := &environment{function: f, work: make(chan *request), begun: make(chan struct{})}
	e.process, err = process.Start(process.Spec{Name: f.Name, Path: f.Path, Env: f.environment(listener.Addr().String()), Log: f.Log})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	// Only now: what it asks for may freeze the process. Until then it waits for us.
	e.server = &http.Server{Handler: e.api(), ReadHeaderTimeout: 10 * time.Second}
	e.serving.Go(func() { e.server.Serve(listener) }) // returns when it is closed
	return e, nil
}

// invoke hands a request to the process and waits for what becomes of it.
func (e *environment) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	r := &request{id: rand.Text(), payload: payload, answer: make(chan answered, 1)}
	if err := e.hand(ctx, r); err != nil {
		e.fail()
		return nil, err
	}
	timeout := time.NewTimer(time.Until(r.deadline))
	defer timeout.Stop()
	select {
	case a := <-r.answer:
		return a.body, a.err
	case <-e.process.Done():
		e.fail()
		return nil, &FunctionError{"Runtime.ExitError", fmt.Sprintf("request %s: the process ended: %v", r.id, e.process.Err())}
	case <-timeout.C:
		e.fail()
		return nil, &FunctionError{"Sandbox.Timedout", fmt.Sprintf("request %s: timed out after %v", r.id, e.function.Timeout)}
	case <-ctx.Done():
		e.fail()
		return nil, context.Cause(ctx)
	}
}

// hand waits until the process asks for work.
func (e *environment) hand(ctx context.Context, r *request) error {
	starting := time.NewTimer(e.function.InitTimeout)
	defer starting.Stop()
	r.deadline = time.Now().Add(e.function.Timeout)
	select {
	case e.work <- r:
		return nil
	case a := <-r.answer: // it failed to begin
		return a.err
	case <-e.process.Done():
		if e.wasReady() {
			return errUntouched
		}
		return &FunctionError{"Runtime.ExitError", fmt.Sprintf("the process ended before it asked for work: %v", e.process.Err())}
	case <-starting.C:
		return &FunctionError{"Sandbox.Timedout", fmt.Sprintf("it did not ask for work within %v", e.function.InitTimeout)}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (e *environment) fail() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failed = true
}

func (e *environment) wasReady() bool {
	select {
	case <-e.begun:
		return true
	default:
		return false
	}
}

// healthy reports whether another request may be handed to it.
func (e *environment) healthy() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.failed && e.current == nil
}

// close ends the process as Lambda does, without asking, and its API.
func (e *environment) close() {
	e.process.Kill() // it may be gone
	e.server.Close()
	e.serving.Wait()
}

// begin makes a request the current one.
func (e *environment) begin(r *request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.current = r
}

// end answers the current request, and reports false if it has another id.
func (e *environment) end(id string, a answered) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current == nil || e.current.id != id {
		return false
	}
	e.current.answer <- a
	e.current = nil
	return true
}

// functionError reads what a function says about its failure.
func functionError(body []byte) *FunctionError {
	f := &FunctionError{}
	if err := json.Unmarshal(body, f); err != nil || f.Type == "" {
		f.Type, f.Message = "Unknown", fmt.Sprintf("%.500s", body)
	}
	return f
}
