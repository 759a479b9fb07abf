package proxy_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/proxytest"
)

func TestEachFaultDoesWhatItSays(t *testing.T) {
	for _, test := range []struct {
		effect   proxy.Effect
		answer   string // of the second line; empty: the connection breaks
		executed int    // how often the server got it
	}{
		{proxy.LoseAnswer(), "", 1},
		{proxy.Reset(), "", 0},
		{proxy.Duplicate(), "2 b", 2},
		{proxy.Delay(proxy.Before, time.Millisecond), "2 b", 1},
		{proxy.Delay(proxy.After, time.Millisecond), "2 b", 1},
		{proxy.Instead("busy", func([]byte) []byte { return []byte("busy\n") }), "busy", 0},
		{proxy.Rewritten("loud", loud), "2 B!", 0},
		{proxy.Rewritten("none", func([]byte) ([]byte, func([]byte) ([]byte, error)) { return nil, nil }), "2 b", 1},
	} {
		s, p := start(t, lineProtocol)
		fault := proxytest.Inject(t, p, proxy.Match{Operation: "b"}, test.effect)
		c := dial(t, p.Addr())
		c.want(t, "a", "1 a")
		if test.answer == "" {
			c.breaks(t, "b")
			c = dial(t, p.Addr())
		} else {
			c.want(t, "b", test.answer)
		}
		c.want(t, "a", fmt.Sprintf("%d a", len(s.lines())+1))
		executed := 0
		for _, line := range s.lines() {
			if line == "b" {
				executed++
			}
		}
		if executed != test.executed || fault.Hits() != 1 {
			t.Errorf("effect %+v: the server got %v; want b %d times; hits %d", test.effect, s.lines(), test.executed, fault.Hits())
		}
	}
}

// loud shouts a request and its answer.
func loud(request []byte) ([]byte, func([]byte) ([]byte, error)) {
	return []byte(strings.ToUpper(string(request))), func(answer []byte) ([]byte, error) {
		return []byte(strings.TrimSpace(string(answer)) + "!\n"), nil
	}
}

func TestFaultsAddUp(t *testing.T) {
	s, p := start(t, lineProtocol)
	proxytest.Inject(t, p, proxy.Match{}, proxy.Delay(proxy.Before, time.Millisecond))
	proxytest.Inject(t, p, proxy.Match{Operation: "a"}, proxy.Duplicate())
	proxytest.Inject(t, p, proxy.Match{Operation: "a"}, proxy.LoseAnswer())
	dial(t, p.Addr()).breaks(t, "a")
	if got := s.lines(); !slices.Equal(got, []string{"a", "a"}) {
		t.Errorf("the server got %v, want a twice", got)
	}
}

func TestARequestThatIsTooLargeToHoldPassesUnharmed(t *testing.T) {
	s := startServer(t)
	p := startWith(t, proxy.Options{Server: s.addr(), Protocol: lineProtocol, MaxBuffered: 100})
	fault := proxytest.Inject(t, p, proxy.Match{}, proxy.Duplicate())
	c := dial(t, p.Addr())
	large := strings.Repeat("x", 200)
	c.want(t, large, "1 "+large)
	if fault.Hits() != 1 || fault.Skipped() != 1 {
		t.Errorf("hits %d, skipped %d, want 1 and 1", fault.Hits(), fault.Skipped())
	}
	c.want(t, "small", "2 small")
	if got := s.lines(); len(got) != 3 || got[2] != "small" {
		t.Errorf("the server got %v, want the small one twice", got)
	}
}

func TestWithoutAProtocolOnlyTheLinkBreaks(t *testing.T) {
	_, p := start(t, nil)
	if _, err := p.Inject(proxy.Fault{Effect: proxy.Reset()}); err == nil {
		t.Error("a fault was accepted that can take nothing")
	}
	c := dial(t, p.Addr())
	c.want(t, "a", "1 a")
	p.SetLink(proxy.Link{Down: true})
	c.breaks(t, "b")
	refused(t, p.Addr())
	p.SetLink(proxy.Link{})
	dial(t, p.Addr()).want(t, "c", "2 c")
}

func TestHalfClosedConnectionsAreAnswered(t *testing.T) {
	for name, protocol := range map[string]proxy.Protocol{"raw": nil, "lines": lineProtocol} {
		_, p := start(t, protocol)
		c := dial(t, p.Addr())
		c.want(t, "a", "1 a")
		if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(c.in); err != nil || string(rest) != "end after 1\n" {
			t.Errorf("%s: after the client's end came %q, %v", name, rest, err)
		}
	}
}

func TestASlowLinkDeliversEverythingAndChangesAtOnce(t *testing.T) {
	s, p := start(t, lineProtocol)
	p.SetLink(proxy.Link{BytesPerSecond: 1 << 20})
	c := dial(t, p.Addr())
	long := strings.Repeat("x", 100_000)
	c.want(t, long, "1 "+long)
	p.SetLink(proxy.Link{BytesPerSecond: 1}) // what follows would take a day
	answers := make(chan error, 1)
	go func() { _, err := c.ask(long); answers <- err }()
	await(t, func() bool { return p.Counts()[long].Forwarded == 2 })
	if got := len(s.lines()); got != 1 {
		t.Errorf("the server got %d lines over a link that stands almost still", got)
	}
	p.SetLink(proxy.Link{})
	if err := <-answers; err != nil {
		t.Error(err)
	}
}

func TestASilentLinkDeliversWhenItEnds(t *testing.T) {
	s, p := start(t, lineProtocol)
	c := dial(t, p.Addr())
	c.want(t, "a", "1 a")
	p.SetLink(proxy.Link{Silent: true})
	fresh := dial(t, p.Addr()) // is accepted
	answers := make(chan string, 2)
	for _, conn := range []client{c, fresh} {
		go func() { answer, _ := conn.ask("b"); answers <- answer }()
	}
	await(t, func() bool { return p.Counts()["b"].Forwarded == 2 })
	if got := s.lines(); len(got) != 1 {
		t.Errorf("the server got %v over a silent link", got)
	}
	p.SetLink(proxy.Link{})
	both := []string{<-answers, <-answers}
	slices.Sort(both)
	if !slices.Equal(both, []string{"2 b", "3 b"}) {
		t.Errorf("answers %q", both)
	}
}

func TestTooManyConnectionsAreReset(t *testing.T) {
	s := startServer(t)
	p := startWith(t, proxy.Options{Server: s.addr(), Protocol: lineProtocol, MaxConnections: 1})
	first := dial(t, p.Addr())
	first.want(t, "a", "1 a")
	refused(t, p.Addr())
	if got := p.Connections(); got.Refused != 1 || got.Open != 1 {
		t.Errorf("connections %+v", got)
	}
	first.Close()
	await(t, func() bool { return p.Connections().Open == 0 })
	dial(t, p.Addr()).want(t, "c", "2 c")
}

func TestAServerThatIsAwayBreaksConnections(t *testing.T) {
	s, p := start(t, lineProtocol)
	if err := s.listener.Close(); err != nil {
		t.Fatal(err)
	}
	refused(t, p.Addr())
	if got := p.Connections(); got.Failed != 1 || got.LastErr == nil {
		t.Errorf("connections %+v", got)
	}
}

func TestUnknownBytesBreakTheirConnectionAlone(t *testing.T) {
	_, p := start(t, lineProtocol)
	other := dial(t, p.Addr())
	other.want(t, "a", "1 a")
	dial(t, p.Addr()).breaks(t, "nonsense")
	other.want(t, "b", "2 b")
	if got := p.Connections(); got.Broken != 1 || !strings.Contains(got.LastErr.Error(), "not a line") {
		t.Errorf("connections %+v", got)
	}
}

func TestNothingIsLeftAfterClose(t *testing.T) {
	s := startServer(t)
	p := startWith(t, proxy.Options{Server: s.addr(), Protocol: lineProtocol})
	proxytest.Inject(t, p, proxy.Match{Operation: "held"}, proxy.Delay(proxy.Before, time.Hour))
	for range 20 {
		dial(t, p.Addr()).want(t, "a", fmt.Sprintf("%d a", len(s.lines())+1))
	}
	held := dial(t, p.Addr())
	if _, err := io.WriteString(held, "held\n"); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return p.Counts()["held"].Faulted == 1 })
	p.SetLink(proxy.Link{Silent: true})
	silent := dial(t, p.Addr())
	if _, err := io.WriteString(silent, "silent\n"); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return p.Counts()["silent"].Forwarded == 1 })
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	var stacks strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&stacks, 1); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(stacks.String(), "proxy.(*Proxy)") || strings.Contains(stacks.String(), "proxy.(*pair)") {
		t.Errorf("goroutines are left:\n%s", stacks.String())
	}
	if got := p.Connections().Open; got != 0 {
		t.Errorf("%d connections are open", got)
	}
	if err := p.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
}

func TestManyClientsUnderChangingFaults(t *testing.T) {
	s, p := start(t, lineProtocol)
	var clients sync.WaitGroup
	for i := range 16 {
		clients.Go(func() {
			for n := range 50 {
				conn, err := net.Dial("tcp", p.Addr())
				if err != nil {
					continue // the reset was faster
				}
				c := client{conn, nil}
				_, _ = io.WriteString(c, fmt.Sprintf("%d-%d\n", i, n))
				_, _ = io.ReadAll(io.LimitReader(c, 3))
				_ = conn.Close()
			}
		})
	}
	effects := []proxy.Effect{proxy.LoseAnswer(), proxy.Reset(), proxy.Duplicate(), proxy.Delay(proxy.After, time.Millisecond)}
	for i := range 40 {
		in := proxytest.Inject(t, p, proxy.Match{Probability: 0.5, Seed: uint64(i)}, effects[i%len(effects)])
		p.SetLink(proxy.Link{Down: i%10 == 3, Silent: i%10 == 5, BytesPerSecond: (i % 3) << 20})
		p.SetLink(proxy.Link{})
		in.Remove()
	}
	clients.Wait()
	await(t, func() bool { return p.Connections().Open == 0 })
	seen := map[string]int64{}
	for name, c := range p.Counts() {
		seen[name] = c.Forwarded
	}
	for _, line := range s.lines() {
		if seen[line]--; seen[line] < 0 {
			t.Errorf("the server got %q more often than the proxy forwarded it", line)
		}
	}
}

func TestAProxyNeedsAServer(t *testing.T) {
	for _, addr := range []string{"", "localhost", "a:b:c"} {
		if p, err := proxy.Start(t.Context(), proxy.Options{Server: addr}); err == nil {
			t.Errorf("a proxy for %q was started", addr)
			_ = p.Close()
		}
	}
}

// await waits for a condition; the test's own deadline is the bound.
func await(t *testing.T, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-t.Context().Done():
			t.Fatal("the condition never held")
		case <-tick.C:
		}
	}
}

var errKill = errors.New("no such process")
