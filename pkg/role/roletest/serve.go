package roletest

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"
)

// readyWithin is a bound that only a broken role meets.
const readyWithin = 30 * time.Second

// Serve runs a role at a free address until the test ends, and returns its URL when
// it is ready.
func Serve(t *testing.T, run func(ctx context.Context, addr string) error) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, addr) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	awaitReady(t, "http://"+addr)
	return "http://" + addr
}

func awaitReady(t *testing.T, url string) {
	t.Helper()
	for end := time.Now().Add(readyWithin); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get(url + "/readyz")
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
	t.Fatalf("the role at %s is not ready after %v", url, readyWithin)
}
