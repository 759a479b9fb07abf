//go:build unix

package servertest_test

import (
	"testing"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/server/servertest"
)

// The same is asked of processes and of containers: the provider decides.
func TestServersAreKilledPausedAndRestartedWhereTheyWere(t *testing.T) {
	set := servertest.Start(t, "redis", "dynamodb", "postgres")
	for _, name := range set.Names() {
		t.Run(name, func(t *testing.T) { killPauseRestart(t, set.Get(name)) })
	}
}

func TestALoadRunHasTheSameHoldOnItsServers(t *testing.T) {
	c, err := server.Open(t.Context(), server.Options{Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	set, err := c.Start(t.Context(), "redis")
	if err != nil {
		t.Fatal(err)
	}
	r := set.Get("redis")
	killPauseRestart(t, r)
	if err := set.Close(); err != nil {
		t.Fatal(err)
	}
	if r.Alive() {
		t.Error("alive after Close")
	}
}

func killPauseRestart(t *testing.T, r *server.Running) {
	t.Helper()
	addr := r.Addr
	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	if r.Alive() {
		t.Error("alive after Kill")
	}
	if err := r.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.Addr != addr || !r.Alive() {
		t.Errorf("after Restart at %s, alive: %v; was at %s", r.Addr, r.Alive(), addr)
	}
	if err := r.Pause(); err != nil {
		t.Fatal(err)
	}
	if r.Healthy(t.Context()) == nil {
		t.Error("answers while paused")
	}
	if err := r.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := r.Healthy(t.Context()); err != nil {
		t.Errorf("after Resume: %v", err)
	}
	if err := r.Restart(t.Context()); err != nil {
		t.Errorf("restart while it runs: %v", err)
	}
}

func TestEachTestHasServersOfItsOwn(t *testing.T) {
	var before *server.Running
	for _, name := range []string{"one", "other"} {
		t.Run(name, func(t *testing.T) {
			r := servertest.Start(t, "redis").Get("redis")
			if err := r.Healthy(t.Context()); err != nil {
				t.Error(err)
			}
			if before != nil && before.Alive() {
				t.Error("the server of a test that has ended is alive")
			}
			before = r
		})
	}
}
