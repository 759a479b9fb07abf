//go:build unix

package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/provingground/provingground/deploy/local/jsonfile"
	"github.com/provingground/provingground/deploy/local/process"
)

// claim is the word of one process, kept until that process ends. It covers what a
// probe cannot see: a port whose server is about to start, or starts anew.
type claim struct {
	Process process.ID `json:"process"`
	Ports   []int      `json:"ports"`
}

// FreePorts returns distinct ports from a random place in the range: free now, and
// left alone by every other caller of FreePorts of this user until this process
// ends. Another program may still be faster: check who listens.
func FreePorts(n int) ([]int, error) {
	file, unlock, err := lockClaims()
	if err != nil {
		return nil, err
	}
	defer unlock()
	claims, err := readClaims(file)
	if err != nil {
		return nil, err
	}
	ports, err := probe(rand.IntN(portCount), n, claimed(claims))
	if err != nil {
		return nil, err
	}
	return ports, jsonfile.Write(file, add(claims, process.Identify(os.Getpid()), ports))
}

func add(claims []claim, owner process.ID, ports []int) []claim {
	for i := range claims {
		if claims[i].Process == owner {
			claims[i].Ports = append(claims[i].Ports, ports...)
			return claims
		}
	}
	return append(claims, claim{Process: owner, Ports: ports})
}

// lockClaims takes the file of claims, one of each user's for all clones.
func lockClaims() (file string, unlock func(), err error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("provingground-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", nil, err
	}
	unlock, err = lockFile(context.Background(), &progress{out: io.Discard}, filepath.Join(dir, "ports.lock"))
	return filepath.Join(dir, "ports.json"), unlock, err
}

// claimedNow returns what processes have claimed now.
func claimedNow() (map[int]bool, error) {
	file, unlock, err := lockClaims()
	if err != nil {
		return nil, err
	}
	defer unlock()
	claims, err := readClaims(file)
	return claimed(claims), err
}

// readClaims leaves out those of processes that have ended.
func readClaims(file string) ([]claim, error) {
	var all, live []claim
	if _, err := jsonfile.Read(file, &all); err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.Process.Alive() {
			live = append(live, c)
		}
	}
	return live, nil
}

func claimed(claims []claim) map[int]bool {
	ports := map[int]bool{}
	for _, c := range claims {
		for _, port := range c.Ports {
			ports[port] = true
		}
	}
	return ports
}
