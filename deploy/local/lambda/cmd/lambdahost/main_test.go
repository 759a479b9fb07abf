//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"testing"

	"github.com/provingground/provingground/pkg/role"
)

func TestMistakesInTheCallSayHowItIsUsed(t *testing.T) {
	for _, args := range [][]string{{}, {"program"}, {"-queue", "q"}, {"-queue", "q", "a", "b"}, {"-queue", "q", "-concurrency", "0", "a"}, {"-nosuch", "a"}} {
		if err := run(t.Context(), os.Getenv, args, io.Discard); !errors.Is(err, role.ErrUsage) {
			t.Errorf("lambdahost %q = %v, want its usage", args, err)
		}
	}
}
