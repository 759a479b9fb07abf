package server_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"testing"

	"github.com/provingground/provingground/deploy/local/server/servertest"
)

func TestWhatAKilledWorkerLeftInMemoryIsRemoved(t *testing.T) {
	ended := exec.CommandContext(t.Context(), "true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	left := fmt.Sprintf("/dev/shm/provingground-%d", ended.Process.Pid)
	living := fmt.Sprintf("/dev/shm/provingground-%d", os.Getpid())
	for _, folder := range []string{left, living} {
		if err := os.MkdirAll(folder+"/cache", 0o700); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(folder) })
	}
	servertest.Start(t, "d1")
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", left, err)
	}
	if _, err := os.Stat(living); err != nil {
		t.Errorf("the folder of a process that lives: %v", err)
	}
}
