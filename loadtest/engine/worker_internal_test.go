package engine

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/http1"
)

type instant struct{}

func (instant) Send(context.Context, int64) Outcome { return Outcome{Kind: OK, Status: 200} }
func (instant) Close() error                        { return nil }

func TestTheHotPathDoesNotAllocate(t *testing.T) {
	f := newFlow(t, instant{})
	w := f.workers[0]
	for range 20_000 { // both buffers reach their size
		w.next(t.Context())
	}
	f.collect()
	for range 20_000 {
		w.next(t.Context())
	}
	f.collect()
	allocs := testing.AllocsPerRun(10_000, func() { w.next(t.Context()) })
	if allocs != 0 {
		t.Errorf("%v allocations per request, want 0", allocs)
	}
}

// asker sends one request over http1 and wants a redirect.
type asker struct {
	client  http1.Client
	request []byte
	resp    http1.Response
}

func (a *asker) Send(ctx context.Context, _ int64) Outcome {
	if err := a.client.Do(ctx, a.request, &a.resp); err != nil {
		return Outcome{Kind: KindOf(err)}
	}
	return Outcome{Kind: OK, Status: a.resp.Status}
}
func (a *asker) Close() error { return a.client.Close() }

func TestARequestOverARealConnectionDoesNotAllocate(t *testing.T) {
	request := []byte("GET /abc HTTP/1.1\r\nHost: test\r\n\r\n")
	a := &asker{client: http1.Client{Addr: redirector(t, len(request)), Timeout: time.Minute}, request: request}
	f := newFlow(t, a)
	w := f.workers[0]
	const rounds = 500
	for range 2 { // the connection and both buffers are warm
		for range 2 * rounds {
			w.next(t.Context())
		}
		f.collect()
	}
	allocs := testing.AllocsPerRun(rounds, func() { w.next(t.Context()) })
	if allocs != 0 {
		t.Errorf("%v allocations per request, want 0", allocs)
	}
	f.collect()
	if got := f.tally.measured.statuses[302]; got != 5*rounds+1 {
		t.Errorf("%d redirects, want %d", got, 5*rounds+1)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// redirector answers requests of n bytes and allocates nothing for it, since what
// it did would be counted, too.
func redirector(t *testing.T, n int) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		answer := []byte("HTTP/1.1 302 Found\r\nLocation: https://example.test/\r\nContent-Length: 0\r\n\r\n")
		for buf := make([]byte, n); ; {
			if got, err := c.Read(buf); err != nil || got != n || !bytes.HasPrefix(buf, []byte("GET /abc ")) {
				return
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-served
	})
	return l.Addr().String()
}

// BenchmarkWorker is what the engine adds to a request: claim, clock, record.
func BenchmarkWorker(b *testing.B) {
	f := newFlow(b, instant{})
	w := f.workers[0]
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		w.next(b.Context())
		if n%1000 == 999 {
			f.collect()
		}
	}
}

// newFlow has one worker and all its arrivals due at once.
func newFlow(t testing.TB, s Sender) *flow {
	t.Helper()
	r, err := newRun(Options{}, []Flow{{
		Schedule: Constant{Rate: 1e12, Duration: time.Hour},
		Workers:  1,
		New:      func(int) (Sender, error) { return s, nil },
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.hire(); err != nil {
		t.Fatal(err)
	}
	r.start = time.Now()
	return r.flows[0]
}

func TestASecondThatComesTooLateIsNotLost(t *testing.T) {
	var s seconds
	s.at(0).Sent++
	s.at(2500*time.Millisecond).Sent++
	s.close()
	s.at(300*time.Millisecond).Sent++ // second 0 is closed
	if sec := s.close(); sec.Second != 1 || sec.Sent != 1 {
		t.Errorf("second 1 is %+v, want the latecomer in it", sec)
	}
	if sec := s.close(); sec.Second != 2 || sec.Sent != 1 {
		t.Errorf("second 2 is %+v", sec)
	}
	if len(s.open) != 0 {
		t.Errorf("%d seconds are open, want none", len(s.open))
	}
}
