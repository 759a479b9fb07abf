//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
)

// composeRelease is the oldest release of Debian that has Compose 2. Its package
// needs a C library that older ones have, too.
const composeRelease = "trixie"

// tools are the programs of the proof: the machine's own, else Debian's, unpacked
// below dir and not installed.
type tools struct {
	cloud *server.Cloud
	root  string // .local of the clone
	dir   string // the proof's own folder in it
	out   io.Writer
}

// packages are the engine's, which bring a client as well.
func (t *tools) packages(ctx context.Context) (dir string, libraries []string, err error) {
	return t.cloud.DebianPackages(ctx, "", "docker", "usr/sbin/dockerd", "docker.io", "iptables")
}

// mmdebstrap makes the root folder of an image.
func (t *tools) mmdebstrap(ctx context.Context) (dir string, err error) {
	dir, _, err = t.cloud.DebianPackages(ctx, "", "mmdebstrap", "usr/bin/mmdebstrap", "mmdebstrap")
	return dir, err
}

// fetch unpacks all packages at once: waiting for a mirror takes no core.
func (t *tools) fetch(ctx context.Context) error {
	return atOnce(
		func() error { _, err := t.client(ctx); return err },
		func() error { _, _, err := t.packages(ctx); return err },
		func() error { _, err := t.mmdebstrap(ctx); return err },
	)
}

// client returns what makes `docker compose` work: a search path and a folder with
// the plugin.
func (t *tools) client(ctx context.Context) ([]string, error) {
	config := filepath.Join(t.dir, "config")
	env := []string{"DOCKER_CONFIG=" + config}
	if _, err := exec.LookPath("docker"); err != nil {
		dir, _, err := t.packages(ctx)
		if err != nil {
			return nil, err
		}
		env = append(env, "PATH="+os.Getenv("PATH")+":"+filepath.Join(dir, "usr/bin"))
	}
	if _, err := output(ctx, env, "docker", "compose", "version"); err == nil {
		return env, nil
	}
	const plugin = "usr/libexec/docker/cli-plugins/docker-compose"
	dir, _, err := t.cloud.DebianPackages(ctx, composeRelease, "docker-compose", plugin, "docker-compose")
	if err != nil {
		return nil, err
	}
	if err := link(filepath.Join(dir, plugin), filepath.Join(config, "cli-plugins", "docker-compose")); err != nil {
		return nil, err
	}
	_, err = output(ctx, env, "docker", "compose", "version")
	return env, err
}

// engine returns dockerd and what it needs to find its helpers.
func (t *tools) engine(ctx context.Context) (dockerd string, env []string, err error) {
	dir, libraries, err := t.packages(ctx)
	if err != nil {
		return "", nil, err
	}
	bin := filepath.Join(t.dir, "bin")
	tables := filepath.Join(dir, "usr/sbin/xtables-nft-multi")
	if _, err := os.Stat(tables); err == nil { // a machine that has iptables gets none
		for _, name := range []string{"iptables", "ip6tables"} {
			if err := link(tables, filepath.Join(bin, name)); err != nil {
				return "", nil, err
			}
		}
		modules, err := filepath.Glob(filepath.Join(dir, "usr/lib/*/xtables"))
		if err != nil || len(modules) != 1 {
			return "", nil, fmt.Errorf("%d folders of iptables' modules below %s: %w", len(modules), dir, err)
		}
		env = append(env, "XTABLES_LIBDIR="+modules[0])
	}
	path := strings.Join([]string{bin, filepath.Join(dir, "usr/bin"), filepath.Join(dir, "usr/sbin"), os.Getenv("PATH"), "/usr/sbin", "/sbin"}, ":")
	return filepath.Join(dir, "usr/sbin/dockerd"), append(append(env, libraries...), "PATH="+path), nil
}

func link(to, name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(to, name)
}

// atOnce does all of it, and returns what went wrong.
func atOnce(all ...func() error) error {
	errs := make([]error, len(all))
	var doing sync.WaitGroup
	for i, do := range all {
		doing.Go(func() { errs[i] = do() })
	}
	doing.Wait()
	return errors.Join(errs...)
}

// step says what begins and how long it took.
func (t *tools) step(what string, do func() error) error {
	began := time.Now()
	fmt.Fprintf(t.out, "%s …\n", what)
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	fmt.Fprintf(t.out, "%s: done in %.1f s\n", what, time.Since(began).Seconds())
	return nil
}

// output runs a program with our environment and env, and returns what it prints;
// an error carries the end of it.
func output(ctx context.Context, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = 10 * time.Second
	text, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, end(string(text)))
	}
	return strings.TrimSpace(string(text)), nil
}

// end returns the last lines of a text.
func end(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}
