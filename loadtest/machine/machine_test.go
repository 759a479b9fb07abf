package machine_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/machine"
)

func TestTheTimeOfThisProcessIsTheGenerators(t *testing.T) {
	me := machine.Process{Name: "me", Group: machine.Generator, PID: os.Getpid()}
	before := take(t, me)
	for {
		burn()
		u := machine.Between(before, take(t, me))
		if len(u.Processes) != 1 || u.Processes[0].RSS < 1<<20 {
			t.Fatalf("processes are %+v, want this one with its memory", u.Processes)
		}
		if u.Generator > 0 && u.Processes[0].CPU > 0 {
			if u.Busy <= 0 || u.Busy > 1 || u.Roles+u.Servers > 0 {
				t.Errorf("shares make no sense: %+v", u)
			}
			return
		}
	}
}

func take(t *testing.T, p ...machine.Process) machine.Snapshot {
	t.Helper()
	s, err := machine.Take(p...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func burn() {
	for end := time.Now().Add(20 * time.Millisecond); time.Now().Before(end); {
	}
}

func TestAProcessThatDoesNotExistCountsNothing(t *testing.T) {
	gone := machine.Process{Name: "gone", Group: machine.Role, PID: 1 << 30}
	u := machine.Between(take(t, gone), take(t, gone))
	if u.Roles != 0 || u.Processes[0].CPU != 0 || u.Processes[0].RSS != 0 {
		t.Errorf("usage is %+v", u)
	}
}

func TestTheHostIsDescribed(t *testing.T) {
	h := machine.Describe()
	if h.Cores < 1 || h.CPU == "" || h.OS == "" || h.Go == "" {
		t.Errorf("host is %+v", h)
	}
}

func TestTheReferenceServerRedirectsUntilItIsStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	served := make(chan error, 1)
	go func() { served <- machine.ReferenceServer(ctx, "127.0.0.1:0", in) }()
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(request(t, "http://"+addr[:len(addr)-1]))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusFound {
		t.Errorf("status %d, want 302", resp.StatusCode)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func request(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
