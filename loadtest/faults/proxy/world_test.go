package proxy

import (
	"testing"
	"testing/synctest"
)

func TestNobodyPassesWhileTheWorldStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &World{}
		done := make(chan struct{})
		if err := w.pass(done, w.stopLocked); err != nil {
			t.Fatal(err)
		}
		passed := 0
		for range 3 {
			go func() { _ = w.pass(done, func() { passed++ }) }()
		}
		synctest.Wait()
		if passed != 0 {
			t.Errorf("%d passed", passed)
		}
		w.resume()
		synctest.Wait()
		if passed != 3 {
			t.Errorf("%d of 3 passed when it went on", passed)
		}
	})
}

func TestWhoIsDoneDoesNotWaitForTheWorld(t *testing.T) {
	w := &World{}
	w.stopLocked()
	done := make(chan struct{})
	close(done)
	if err := w.pass(done, func() { t.Error("passed") }); err == nil {
		t.Error("pass returned without an error")
	}
}
