//go:build unix

package stack_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/stack"
)

// A wish that containers cannot fulfil is refused before anything starts.
func TestContainersAreThoseOfTheComposeFile(t *testing.T) {
	for name, wish := range map[string]func(*stack.Options){
		"edits":   func(o *stack.Options) { o.Edits = []stack.Edit{{File: "a.go", Old: "a", New: "b"}} },
		"servers": func(o *stack.Options) { o.Servers = &server.Set{} },
		"shared":  func(o *stack.Options) { o.Shared = true },
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, scenario())
			o.Containers = true
			wish(&o)
			if _, err := stack.Start(t.Context(), o); err == nil || !strings.HasPrefix(err.Error(), "with the roles in containers") {
				t.Errorf("error %v, want what containers cannot do", err)
			}
		})
	}
}

func TestContainersNeedDocker(t *testing.T) {
	o := options(t, scenario())
	o.Containers = true
	_, err := stack.Start(t.Context(), o)
	if _, ok := errors.AsType[*server.ConfigurationError](err); !ok {
		t.Errorf("error %v, want one of the configuration", err)
	}
}
