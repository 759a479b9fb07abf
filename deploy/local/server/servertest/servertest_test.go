//go:build unix

package servertest_test

import (
	"testing"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/server/servertest"
)

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
