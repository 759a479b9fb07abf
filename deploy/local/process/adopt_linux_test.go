package process

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestAnOrphanIsAdopted(t *testing.T) {
	if err := AdoptOrphans(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!").Output()
	if err != nil {
		t.Fatal(err)
	}
	orphan, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Kill(orphan, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}()
	if got := parent(orphan); got != os.Getpid() {
		t.Errorf("the parent of an orphan is %d, want %d", got, os.Getpid())
	}
}
