package proxy_test

import (
	"slices"
	"testing"

	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/proxytest"
)

func TestTheWorldStandsStillDuringAKill(t *testing.T) {
	for _, when := range []proxy.When{proxy.Before, proxy.After} {
		s, p := start(t, lineProtocol)
		other := dial(t, p.Addr())
		other.want(t, "a", "1 a")
		passed := make(chan error, 1)
		var during []string
		row, err := p.KillAt("b", 1, when, func() error {
			go func() { _, err := other.ask("c"); passed <- err }()
			// The other client's request has been sent; only the world holds it.
			await(t, func() bool { return p.Connections().Accepted == 2 })
			during = s.lines()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		dial(t, p.Addr()).breaks(t, "b")
		<-row.Done()
		if err := <-passed; err != nil {
			t.Errorf("%v: the other client: %v", when, err)
		}
		want := map[proxy.When][]string{proxy.Before: {"a"}, proxy.After: {"a", "b"}}[when]
		if !slices.Equal(during, want) {
			t.Errorf("%v: during the kill the server had %v, want %v", when, during, want)
		}
		if got := s.lines(); !slices.Equal(got, append(want, "c")) {
			t.Errorf("%v: then it had %v", when, got)
		}
	}
}

func TestAKillThatFailsSaysSo(t *testing.T) {
	_, p := start(t, lineProtocol)
	row, err := p.KillAt("a", 2, proxy.Before, func() error { return errKill })
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, p.Addr())
	c.want(t, "a", "1 a")
	c.breaks(t, "a")
	<-row.Done()
	if row.Err() != errKill {
		t.Errorf("the kill ended with %v", row.Err())
	}
	dial(t, p.Addr()).want(t, "a", "2 a") // the world goes on
}

func TestARecordingIsTheListOfSteps(t *testing.T) {
	_, p := start(t, lineProtocol)
	proxytest.Inject(t, p, proxy.Match{Operation: "poll", Nth: 2}, proxy.Duplicate())
	c := dial(t, p.Addr())
	for _, line := range []string{"read", "poll", "poll", "poll", "write"} {
		if _, err := c.ask(line); err != nil {
			t.Fatal(err)
		}
	}
	r := p.Recording()
	want := []proxy.Step{{Operation: "read", Nth: 1}, {Operation: "poll", Nth: 1}, {Operation: "poll", Nth: 2}, {Operation: "write", Nth: 1}}
	if got := r.Steps(2); !slices.Equal(got, want) {
		t.Errorf("steps %v, want %v", got, want)
	}
	if r.Lost != 0 || len(r.Records) != 5 || r.Records[2].Fault != "duplicate" || r.Records[1].Fault != "" {
		t.Errorf("recorded %+v", r)
	}
	if got := p.Counts()["poll"]; got != (proxy.Count{Seen: 3, Forwarded: 4, Answered: 3, Faulted: 1}) {
		t.Errorf("counted %+v", got)
	}
	p.Clear()
	if len(p.Recording().Records) != 0 || len(p.Counts()) != 0 {
		t.Error("Clear left something")
	}
}

func TestARecordingIsBounded(t *testing.T) {
	_, p := start(t, lineProtocol)
	c := dial(t, p.Addr())
	const n = 10_050
	for range n {
		if _, err := c.ask("poll"); err != nil {
			t.Fatal(err)
		}
	}
	if r := p.Recording(); len(r.Records) != 10_000 || r.Lost != 50 {
		t.Errorf("%d records, %d lost", len(r.Records), r.Lost)
	}
	if got := p.Counts()["poll"].Seen; got != n {
		t.Errorf("counted %d of %d", got, n)
	}
}
