package main

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/role"
)

func TestMistakesInTheCallSayHowItIsUsed(t *testing.T) {
	nothing := func(string) string { return "" }
	for _, args := range [][]string{{}, {"acme"}, {"acme", "yesterday"}, {"acme", "2026-11-24", "more"}, {"-nosuch", "acme", "2026-11-24"}} {
		err := run(t.Context(), nothing, args, io.Discard)
		if !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), usage) {
			t.Errorf("replay %q = %v, want its usage", args, err)
		}
	}
	err := run(t.Context(), nothing, []string{"acme", "2026-11-24"}, io.Discard)
	if !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), "DATABASE_URL must be ") {
		t.Errorf("without variables: %v", err)
	}
}
