//go:build unix

package servertest

import (
	"testing"

	"github.com/provingground/provingground/deploy/local/server"
)

func TestThePackagesServersOutliveATestAndEndOnce(t *testing.T) {
	shared := Share("redis")
	var first *server.Running
	for _, name := range []string{"one", "other"} {
		t.Run(name, func(t *testing.T) {
			r := shared.Start(t).Get("redis")
			if first == nil {
				first = r
			}
			if r != first {
				t.Error("another server than the first test had")
			}
			if err := r.Healthy(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	for range 2 { // nobody has to know whether a test asked
		if err := shared.close(); err != nil {
			t.Fatal(err)
		}
	}
	if first.Alive() {
		t.Error("it is alive after the end of all tests")
	}
}
