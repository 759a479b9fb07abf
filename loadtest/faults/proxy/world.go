package proxy

import (
	"net"
	"sync"
)

// A World is what a Kill stops: one proxy, or several that share it, so that
// nothing happens on any of them while the process dies. The zero value is ready.
type World struct {
	mu      sync.Mutex
	stopped chan struct{} // closed when the world goes on; nil while it does
}

// pass runs do while the world cannot stop, and waits before that until it goes on.
func (w *World) pass(done <-chan struct{}, do func()) error {
	for {
		w.mu.Lock()
		stopped := w.stopped
		if stopped == nil {
			do()
			w.mu.Unlock()
			return nil
		}
		w.mu.Unlock()
		select {
		case <-stopped:
		case <-done:
			return net.ErrClosed
		}
	}
}

// stopLocked is called inside pass.
func (w *World) stopLocked() { w.stopped = make(chan struct{}) }

// resume lets all others pass.
func (w *World) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.stopped)
	w.stopped = nil
}
