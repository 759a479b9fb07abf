//go:build unix

package stack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// An Edit replaces one piece of one source file in a build, and nowhere else: a
// build that is broken on purpose, or the next version of a service.
type Edit struct {
	File     string // below the module, with slashes
	Old, New string // Old stands there exactly once
}

// overlay writes the edited files and the list that `go build -overlay` wants
// into dir, and returns the list's name.
func overlay(module, dir string, edits []Edit) (string, error) {
	texts := map[string]string{}
	for _, e := range edits {
		file := filepath.Join(module, filepath.FromSlash(e.File))
		text, ok := texts[file]
		if !ok {
			raw, err := os.ReadFile(file)
			if err != nil {
				return "", fmt.Errorf("edit: %w", err)
			}
			text = string(raw)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return "", fmt.Errorf("edit of %s: %q stands there %d times, want once", e.File, e.Old, n)
		}
		texts[file] = strings.Replace(text, e.Old, e.New, 1)
	}
	replace := map[string]string{}
	for file, text := range texts {
		edited := filepath.Join(dir, strconv.Itoa(len(replace))+"-"+filepath.Base(file))
		if err := os.WriteFile(edited, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[file] = edited
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, list, 0o600)
}

// suffix keeps edited builds apart from the shipped one, and is the same for the
// same edits.
func suffix(edits []Edit) string {
	if len(edits) == 0 {
		return ""
	}
	h := sha256.New()
	for _, e := range edits {
		fmt.Fprintf(h, "%q %q %q\n", e.File, e.Old, e.New)
	}
	return "-edited-" + hex.EncodeToString(h.Sum(nil)[:6])
}
