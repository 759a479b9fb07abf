package role

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

const (
	// shutdownTimeout bounds how long requests under way may take after the drain.
	shutdownTimeout = 5 * time.Second
	// maxConnections of a listener: each costs some 30 kB, even if it is idle.
	maxConnections = 10_000
)

// A Server serves one listener. *http.Server is one. After Shutdown, Serve
// returns nil or http.ErrServerClosed.
type Server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

// A Listener is an address and who serves it.
type Listener struct {
	Purpose string // for errors, such as "administration"
	Addr    string
	Server  Server
	// Connections is how many there are at a time, idle ones too; 0 means 10,000.
	// Others wait in the kernel's queue until one ends.
	Connections int
}

// Listeners are open and not served yet.
type Listeners struct {
	open    []net.Listener
	servers []Server
}

// Listen opens all addresses, or none.
func Listen(all ...Listener) (*Listeners, error) {
	l := &Listeners{}
	for _, each := range all {
		open, err := net.Listen("tcp", each.Addr)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen for %s: %w", each.Purpose, err), l.close())
		}
		l.open = append(l.open, netutil.LimitListener(open, cmp.Or(each.Connections, maxConnections)))
		l.servers = append(l.servers, each.Server)
	}
	return l, nil
}

func (l *Listeners) close() error {
	var err error
	for _, open := range l.open {
		err = errors.Join(err, open.Close())
	}
	return err
}

// Serve runs the servers until ctx ends or one of them fails. It says ready
// when they run, and unready for drain before the listeners close, which must
// be longer than the balancer takes to notice.
func (l *Listeners) Serve(ctx context.Context, drain time.Duration, ready func(bool)) error {
	failed := make(chan error, len(l.servers))
	for i, server := range l.servers {
		go func() { failed <- server.Serve(l.open[i]) }()
	}
	ready(true)

	var err error
	running := len(l.servers)
	select {
	case err = <-failed:
		running--
	case <-ctx.Done():
		ready(false)
		time.Sleep(drain)
	}
	ready(false)
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	for _, server := range l.servers {
		err = errors.Join(err, server.Shutdown(deadline))
	}
	for range running {
		if e := <-failed; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}
