//go:build unix

package server_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/provingground/provingground/deploy/local/server"
)

func TestAnUnknownEmulatorIsRefused(t *testing.T) {
	t.Setenv("AWS_EMULATOR", "moto")
	_, err := server.Open(t.Context(), server.Options{Root: t.TempDir(), Provider: server.Native})
	if _, ok := errors.AsType[*server.ConfigurationError](err); !ok || !strings.Contains(err.Error(), `AWS_EMULATOR="moto"`) {
		t.Errorf("error %v, want one that names the variable", err)
	}
}

func TestLocalStackSaysInOneLineWhatTheMachineLacks(t *testing.T) {
	t.Setenv("AWS_EMULATOR", "localstack")
	c, err := server.Open(t.Context(), server.Options{Root: t.TempDir(), Provider: server.Native})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "")
	t.Setenv("HOME", t.TempDir())
	err = c.Install(t.Context(), "dynamodb")
	if _, ok := errors.AsType[*server.ConfigurationError](err); !ok || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "Python 3.13") {
		t.Errorf("error %v, want one line that names Python 3.13", err)
	}
}
