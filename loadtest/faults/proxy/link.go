package proxy

import (
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A Link is the state of the wire under all connections of a proxy, open and
// new. The zero value is a healthy one.
type Link struct {
	// Down resets open connections and every new one as soon as it is accepted.
	// (A client sees a connection that breaks, never one that is refused: the
	// port stays ours.)
	Down bool
	// Silent accepts connections and bytes and delivers nothing. When it ends,
	// what waited is delivered, even from clients that gave up, as a network
	// does that sends again.
	Silent bool
	// BytesPerSecond bounds what is delivered in each direction, over all
	// connections; 0 is no bound.
	BytesPerSecond int
}

// burst is small, so that a slow link is felt by small messages, too.
const burst = 1024

// line is a link and what its users wait on.
type line struct {
	mu    sync.Mutex
	state lineState
}

type lineState struct {
	link     Link
	changed  chan struct{} // closed when the link changes
	toServer *rate.Limiter // nil without a bound
	toClient *rate.Limiter
}

func newLine() *line { return &line{state: lineState{changed: make(chan struct{})}} }

func (l *line) set(link Link) {
	next := lineState{link: link, changed: make(chan struct{})}
	if n := link.BytesPerSecond; n > 0 {
		next.toServer = rate.NewLimiter(rate.Limit(n), burst)
		next.toClient = rate.NewLimiter(rate.Limit(n), burst)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.state.changed)
	l.state = next
}

func (l *line) get() lineState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// linkWriter delivers to one end of a connection as the link allows.
type linkWriter struct {
	conn     net.Conn
	line     *line
	toServer bool
	done     <-chan struct{} // closed when the connection ends
}

func (w *linkWriter) Write(b []byte) (written int, err error) {
	for len(b) > 0 {
		n, err := w.deliver(b)
		written += n
		if err != nil {
			return written, err
		}
		b = b[n:]
	}
	return written, nil
}

// deliver waits until some of b may pass or the link changes, and writes that.
func (w *linkWriter) deliver(b []byte) (int, error) {
	s := w.line.get()
	limiter := s.toClient
	if w.toServer {
		limiter = s.toServer
	}
	switch {
	case s.link.Silent:
		return 0, w.wait(nil, s.changed)
	case limiter == nil:
		return w.conn.Write(b)
	}
	b = b[:min(len(b), burst)]
	reserved := limiter.ReserveN(time.Now(), len(b))
	timer := time.NewTimer(reserved.Delay())
	defer timer.Stop()
	if err := w.wait(timer.C, s.changed); err != nil {
		return 0, err
	}
	return w.conn.Write(b)
}

func (w *linkWriter) wait(passed <-chan time.Time, changed <-chan struct{}) error {
	select {
	case <-passed:
	case <-changed: // of a slow link: what it held passes at once
	case <-w.done:
		return net.ErrClosed
	}
	return nil
}
