package engine_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
)

// reader is a sender that expects a redirect.
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

func Example() {
	srv := httptest.NewServer(http.RedirectHandler("https://example.test/", http.StatusFound))
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	request, err := http1.NewRequest("GET", "/abc", addr, nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	res, err := engine.Run(context.Background(), engine.Options{}, engine.Flow{
		Name:     "redirects",
		Schedule: engine.Constant{Rate: 200, Duration: time.Second},
		Workers:  4, MaxWorkers: 64,
		WarmUp: 500 * time.Millisecond,
		New: func(int) (engine.Sender, error) {
			return &reader{client: http1.Client{Addr: addr, Timeout: time.Second}, request: request}, nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	f := res.Flows[0]
	fmt.Printf("%d of %d redirected, %d warmed up\n", f.Measured.Kinds[engine.OK], f.Measured.Intended, f.Warm.Completed)
	// Output: 100 of 100 redirected, 100 warmed up
}
