//go:build unix

package detour

import (
	"context"
	"fmt"
	"sync"

	"github.com/provingground/provingground/loadtest/faults/proxy"
)

// Switch is a fault before one server that a timeline switches on and off.
type Switch struct {
	proxy *proxy.Proxy
	fault proxy.Fault

	mu  sync.Mutex
	on  *proxy.Injected // nil while it is off
	was int             // hits of earlier times
}

// Switch returns a fault that is off.
func (d *Detour) Switch(server string, f proxy.Fault) (*Switch, error) {
	p, err := d.find(server)
	if err != nil {
		return nil, err
	}
	return &Switch{proxy: p, fault: f}, nil
}

// On switches the fault on; its counting of operations and its chance begin anew.
// It has the form of a step's Do.
func (s *Switch) On(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on != nil {
		return nil
	}
	in, err := s.proxy.Inject(s.fault)
	s.on = in
	return err
}

// Off switches the fault off. It has the form of a step's Do.
func (s *Switch) Off(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on == nil {
		return nil
	}
	s.on.Remove()
	s.was += s.on.Hits()
	s.on = nil
	return nil
}

// Hits returns how many operations the fault took in all. A drill that hit
// nothing has shown nothing.
func (s *Switch) Hits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on == nil {
		return s.was
	}
	return s.was + s.on.Hits()
}

// Link returns a step's Do that changes the wire before a server.
func (d *Detour) Link(server string, link proxy.Link) func(context.Context) error {
	return func(context.Context) error {
		p, err := d.find(server)
		if err == nil {
			p.SetLink(link)
		}
		return err
	}
}

func (d *Detour) find(server string) (*proxy.Proxy, error) {
	p := d.proxies[server]
	if p == nil {
		return nil, fmt.Errorf("detour: no proxy before %q", server)
	}
	return p, nil
}
