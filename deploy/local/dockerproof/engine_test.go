//go:build linux

package main

import (
	"os"
	"strings"
	"testing"
)

func TestAShortFolderIsOursAlone(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	deep := "/" + strings.Repeat("deep/", 20)
	for range 2 { // the second run finds it
		if _, err := shortFolder(deep); err != nil {
			t.Fatal(err)
		}
	}
	short, err := shortFolder(deep)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(short, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := shortFolder(deep); err == nil {
		t.Error("a folder that everybody may write to was taken")
	}
}
