//go:build unix

package stack

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"path/filepath"

	"github.com/provingground/provingground/deploy/local/jsonfile"
	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/scenarios"
)

// secrets returns a value of 32 random bytes, in hex, for each secret of the
// scenario. It is made once per clone, so that what was signed stays valid.
func secrets(ctx context.Context, c *server.Cloud, sc scenarios.Scenario) (map[string]string, error) {
	unlock, err := c.Lock(ctx, "secrets")
	if err != nil {
		return nil, err
	}
	defer unlock()
	file := filepath.Join(c.Root(), "secrets.json")
	kept := map[string]string{}
	if _, err := jsonfile.Read(file, &kept); err != nil {
		return nil, err
	}
	before := len(kept)
	own := map[string]string{}
	for _, role := range sc.Roles {
		for _, name := range role.Secrets {
			key := sc.Slug + "/" + name
			if kept[key] == "" {
				kept[key] = random()
			}
			own[name] = kept[key]
		}
	}
	if len(kept) == before {
		return own, nil
	}
	return own, jsonfile.Write(file, kept)
}

func random() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
