//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/role"
)

func TestMistakesInTheCallSayHowItIsUsed(t *testing.T) {
	for _, args := range [][]string{
		{}, {"lst", "q"}, {"list"}, {"list", "-id", "x", "q"}, {"redrive"}, {"redrive", "a", "b"}, {"redrive", "-body", "f", "q"}, {"redrive", "-nosuch", "q"},
	} {
		err := run(t.Context(), os.Getenv, args, io.Discard)
		if !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), "redrive [-id ID]") {
			t.Errorf("deadletters %q = %v, want its usage", args, err)
		}
	}
}

func TestABodyThatCannotBeReadChangesNothing(t *testing.T) {
	err := run(t.Context(), os.Getenv, []string{"redrive", "-id", "x", "-body", "/nowhere/at/all", "q"}, io.Discard)
	if !errors.Is(err, role.ErrUsage) {
		t.Errorf("deadletters = %v, want a configuration error", err)
	}
}
