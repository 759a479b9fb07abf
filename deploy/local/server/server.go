//go:build unix

// Package server is the local cloud: a table of the servers that scenarios
// need, and their life as native processes or containers.
//
// A [Cloud] gives them in two ways. [Cloud.Start] starts private ones for one
// test or one load run, on free ports and with an empty state folder, ended by
// [Set.Close]. [Cloud.Up] starts the clone's long-lived ones, which other
// processes of the clone find and use until [Cloud.Down].
package server

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Provider is where servers come from.
type Provider string

// The providers. Automatic takes a server from the environment if its variable
// is set, else from Docker if an engine answers, else runs it natively.
const (
	Automatic Provider = ""
	Env       Provider = "env"
	Docker    Provider = "docker"
	Native    Provider = "native"
)

// Options configure a Cloud. Every field may be left empty.
type Options struct {
	// Root holds everything that is installed, stored and recorded. Default:
	// .local beside the go.mod above the working folder.
	Root string
	// Provider forces one; default: the environment variable PROVIDER.
	Provider Provider
	// Out gets progress, default: nothing is said.
	Out io.Writer
	// Yes agrees to elevated rights in advance. Nothing installed now needs any.
	Yes bool
}

// Cloud is the local cloud of one clone.
type Cloud struct {
	root     string
	provider Provider // Docker, Native, or Env when nothing else is allowed
	forced   bool     // then variables in the environment count for Env only
	progress *progress
}

// Open decides where servers come from and says so.
func Open(ctx context.Context, o Options) (*Cloud, error) {
	root, err := rootFolder(o.Root)
	if err != nil {
		return nil, err
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Provider == Automatic {
		o.Provider = Provider(os.Getenv("PROVIDER"))
	}
	if err := checkEmulator(); err != nil {
		return nil, err
	}
	c := &Cloud{root: root, provider: o.Provider, forced: true, progress: &progress{out: o.Out}}
	switch o.Provider {
	case Env, Docker, Native:
	case Automatic:
		c.forced = false
		c.provider = choose(ctx)
	default:
		return nil, configuration("PROVIDER=%q: want env, docker or native", o.Provider)
	}
	c.progress.say("servers: %s", c.provider.describe(c.forced))
	return c, nil
}

// Recall gives access to what is recorded below root, for looking at it and for
// ending it: no provider is chosen and nothing can be started.
func Recall(root string, out io.Writer) (*Cloud, error) {
	root, err := rootFolder(root)
	if err != nil {
		return nil, err
	}
	return &Cloud{root: root, provider: Env, forced: true, progress: &progress{out: out}}, nil
}

func choose(ctx context.Context) Provider {
	if dockerAnswers(ctx) {
		return Docker
	}
	return Native
}

func (p Provider) describe(forced bool) string {
	switch {
	case forced:
		return string(p) + " (PROVIDER)"
	case p == Docker:
		return "docker (an engine answers; PROVIDER=native for processes)"
	default:
		return "native processes (no Docker engine answers)"
	}
}

// Provider returns what was decided; a variable in the environment still wins
// for its server unless the provider was forced.
func (c *Cloud) Provider() Provider { return c.provider }

// Root returns the folder that holds the clone's state, an absolute path.
func (c *Cloud) Root() string { return c.root }

func rootFolder(root string) (string, error) {
	if root != "" {
		return filepath.Abs(root)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, ".local"), nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above the working folder, so no place for .local")
		}
	}
}

func dockerAnswers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, "docker", "info").Run() == nil
}

// ConfigurationError says what a variable or a name should have been.
type ConfigurationError struct{ text string }

// Error returns the sentence.
func (e *ConfigurationError) Error() string { return e.text }

func configuration(format string, args ...any) error {
	return &ConfigurationError{fmt.Sprintf(format, args...)}
}

// Names returns the names of all servers, in the order of the table.
func Names() []string {
	var names []string
	for _, d := range Table() {
		names = append(names, d.Name)
	}
	return names
}

// Find returns the table's entry for a server, or that of [Observability].
func Find(name string) (Definition, error) {
	all := append(Table(), Observability()...)
	i := slices.IndexFunc(all, func(d Definition) bool { return d.Name == name })
	if i < 0 {
		return Definition{}, configuration("no server %q: there are %s", name, strings.Join(Names(), ", "))
	}
	return all[i], nil
}
