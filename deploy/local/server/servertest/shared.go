//go:build unix

package servertest

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/provingground/provingground/deploy/local/server"
)

// Shared is one set of servers for all tests of a package, which keep apart by
// names of their own: on PostgreSQL each takes a [Database]. A test that kills,
// pauses or fills up a server takes one for itself, with [Start]; and so does one of
// topics, queues and tables that have the fixed names of a template.
type Shared struct {
	names []string

	mu  sync.Mutex
	set *server.Set
	end func() error
	err error
}

var errEnded = errors.New("the package's tests have ended, and its servers with them")

// Share names servers and starts none: the first test that asks does.
func Share(names ...string) *Shared { return &Shared{names: names} }

// Run runs the tests of a package, then ends what they shared, and returns the exit
// code of both:
//
//	func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }
func (s *Shared) Run(m *testing.M) int {
	code := m.Run()
	if err := s.close(); err != nil {
		fmt.Fprintln(os.Stderr, "servers that the tests shared:", err)
		return max(code, 1)
	}
	return code
}

// Start returns the servers. Where they did not start, this test and all that ask
// later fail and say why.
func (s *Shared) Start(t testing.TB) *server.Set {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set == nil && s.err == nil {
		// Not the test's output: the servers outlive it.
		s.set, s.end, s.err = start(t.Context(), os.Stderr, s.names)
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.set
}

func (s *Shared) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == nil {
		return nil
	}
	end := s.end
	s.set, s.end, s.err = nil, nil, errEnded
	return end()
}
