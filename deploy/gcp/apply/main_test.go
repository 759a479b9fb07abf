package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/pubsubtest"
)

func TestTheFilesOfThisFolderAreApplied(t *testing.T) {
	srv := pubsubtest.NewServer(t, pubsubtest.Options{})
	env := func(name string) string { return map[string]string{"PUBSUB_EMULATOR_HOST": srv.Addr()}[name] }
	files, err := filepath.Glob("../*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("files: %q, %v", files, err)
	}
	for _, file := range files {
		var out strings.Builder
		err := run(t.Context(), env, []string{
			"-project", "shop", "-project-number", "42", "-set", "PUSH_ENDPOINT=https://run.example/push",
			"-set", "PUSH_AUDIENCE=https://run.example", "-set", "PUSH_ACCOUNT=push@shop.example", file,
		}, &out)
		if err != nil || !strings.HasPrefix(out.String(), "project shop has ") {
			t.Errorf("%s: %q, %v", file, out.String(), err)
		}
	}
}

func TestMistakesInTheCallSayHowItIsUsed(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"f.json"},
		{"-project", "shop", "f.json"},
		{"-project", "shop", "-project-number", "42"},
		{"-project", "shop", "-project-number", "42", "-set", "X", "f.json"},
		{"-nosuch"},
	} {
		if err := run(t.Context(), os.Getenv, args, t.Output()); !errors.Is(err, errUsage) {
			t.Errorf("apply %q: %v", args, err)
		}
	}
}
