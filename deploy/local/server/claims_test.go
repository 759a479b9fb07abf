//go:build unix

package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/provingground/provingground/deploy/local/jsonfile"
	"github.com/provingground/provingground/deploy/local/process"
	"github.com/provingground/provingground/deploy/local/server"
)

// Forty runs of forty ports, from random places in 12,000, overlap by chance alone
// in all but one of two hundred tries.
func TestCallersAtOnceGetDistinctPorts(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	got := make([][]int, 40)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = server.FreePorts(40); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	owner := map[int]int{}
	for i, ports := range got {
		for _, port := range ports {
			if first, taken := owner[port]; taken {
				t.Errorf("port %d went to callers %d and %d", port, first, i)
			}
			owner[port] = i
		}
	}
}

func TestAClaimLastsAsLongAsItsProcess(t *testing.T) {
	whole := make([]int, 12000)
	for i := range whole {
		whole[i] = 20000 + i
	}
	alive := process.Identify(os.Getppid())
	ended := alive
	ended.Started++ // another process that had this pid
	for _, test := range []struct {
		name    string
		owner   process.ID
		refused bool
	}{{"alive", alive, true}, {"ended", ended, false}} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			claims := []any{map[string]any{"process": test.owner, "ports": whole}}
			file := filepath.Join(os.TempDir(), fmt.Sprintf("provingground-%d", os.Getuid()), "ports.json")
			if err := jsonfile.Write(file, claims); err != nil {
				t.Fatal(err)
			}
			if ports, err := server.FreePorts(1); (err != nil) != test.refused {
				t.Errorf("FreePorts = %v, %v; refused is to be %v", ports, err, test.refused)
			}
		})
	}
}
