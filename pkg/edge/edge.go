// Package edge runs a Go program as a Cloudflare Worker.
//
// A program describes itself in an App and calls Serve. It is compiled with
// GOOS=js GOARCH=wasm, and package bundle puts the modules beside it that join it to
// the host; nothing else of the toolchain changes. Requests are handled by an
// http.Handler; the platform's services are in the packages below: d1, kv, r2, queue,
// cache, and durable for Durable Objects.
//
//	func main() {
//		edge.Serve(edge.App{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
//			fmt.Fprintln(w, "hello from Go")
//		})})
//	}
//
// One program serves all requests of an isolate at once, as goroutines. What a
// request uses lives only as long as that request: so every call takes a context,
// and it must be the request's own (or one derived from it). A call with another
// fails with ErrNoEvent or ErrEnded.
//
// A handler's panic is an answer of 500, or breaks off one that has begun. A client
// sees that only where the answer has a Content-Length: workerd ends any other as if
// it were complete. A panic in another goroutine ends the program; requests in flight
// fail, the next one starts it again, and Durable Objects are made anew.
//
// Time stands still while Go computes, as it does in every Worker: it advances
// when an operation returns.
package edge

import (
	"context"
	"net/http"
	"time"

	"github.com/provingground/provingground/pkg/edge/durable"
	"github.com/provingground/provingground/pkg/edge/internal/host"
	"github.com/provingground/provingground/pkg/edge/internal/web"
	"github.com/provingground/provingground/pkg/edge/queue"
)

// Error is what the platform threw.
type Error = host.Error

var (
	// ErrNoEvent says that a call's context did not come from a handler.
	ErrNoEvent = host.ErrNoEvent
	// ErrEnded says that the event whose context it is was over already.
	ErrEnded = host.ErrEnded
	// ErrNotInWorker says that the program runs outside workerd.
	ErrNotInWorker = host.ErrNotInWorker
)

// App says what a Worker does with each kind of event; what is nil is refused.
type App struct {
	// Handler answers requests. A body whose Content-Length is 64 KiB at most is there
	// when it begins; another one is streamed. The answer is sent in one piece when it
	// returns, or streamed from the first Flush or 64 KiB on.
	Handler http.Handler
	// Scheduled runs at the times that wrangler.jsonc gives as cron triggers.
	Scheduled func(ctx context.Context, cron string, at time.Time) error
	// Queue takes the batches of the queues that wrangler.jsonc names as consumed.
	Queue queue.Consumer
	// Objects are the classes of Durable Objects, by the names that wrangler.jsonc
	// gives them.
	Objects map[string]durable.New
}

// Serve runs the program. It returns only with an error: ErrNotInWorker outside
// workerd.
func Serve(a App) error {
	d := &dispatcher{app: a, objects: durable.NewHost(a.Objects)}
	return host.Serve(d.handle, d.objects.Drop)
}

// Go runs f beside the answer: the platform keeps the request's I/O context
// alive until f returns, at most 30 s after the answer (ctx.waitUntil). The
// context it is given is not cancelled when the handler returns.
func Go(ctx context.Context, f func(context.Context)) error {
	e, err := host.From(ctx)
	if err != nil {
		return err
	}
	e.Go(func() { f(context.WithoutCancel(ctx)) })
	return nil
}

// Sleep waits for d on the platform's own timer, or until ctx ends. time.Sleep
// works too, but may ring late when the request that armed it has ended.
func Sleep(ctx context.Context, d time.Duration) error {
	_, err := host.Call(ctx, "sleep", d.Milliseconds())
	return err
}

// Env returns a variable or secret of the Worker. Unlike bindings they may be
// read at any time, also before Serve.
func Env(name string) string {
	v, err := host.Global("env", name)
	if err != nil {
		return ""
	}
	s, _ := v.(string)
	return s
}

// Transport sends requests to other servers with the platform's fetch. Redirects
// are left to http.Client.
type Transport struct{}

// RoundTrip sends one request; its context must come from a handler.
func (Transport) RoundTrip(r *http.Request) (*http.Response, error) { return web.Call(r, "fetch") }
