//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/provingground/provingground/deploy/local/process"
)

const engineTime = time.Minute

// engine is a Docker engine: one that answers, or ours.
type engine struct {
	env     []string // that leads programs to it
	process *process.Process
	mounts  []string // that it leaves behind
}

// startEngine uses the engine that answers, else starts one of its own with its
// own socket: programs that look for an engine at the usual place find none.
func startEngine(ctx context.Context, t *tools) (*engine, error) {
	if _, err := output(ctx, nil, "docker", "info"); err != nil {
		if err := mayStart(); err != nil {
			return nil, err
		}
		if err := t.fetch(ctx); err != nil {
			return nil, err
		}
	}
	env, err := t.client(ctx)
	if err != nil {
		return nil, err
	}
	e := &engine{env: env}
	if _, err := e.docker(ctx, "info"); err == nil {
		fmt.Fprintln(t.out, "engine: one answers already")
		return e, nil
	}
	dockerd, tools, err := t.engine(ctx)
	if err != nil {
		return nil, err
	}
	run, err := shortFolder(t.dir)
	if err != nil {
		return nil, err
	}
	data, exec, socket := filepath.Join(t.dir, "data"), filepath.Join(run, "exec"), "unix://"+filepath.Join(run, "docker.sock")
	e.env = append(e.env, "DOCKER_HOST="+socket)
	e.mounts = []string{data, filepath.Join(exec, "netns/default")}
	e.process, err = process.Start(process.Spec{
		Name: "dockerd", Path: dockerd, Env: append(os.Environ(), tools...), Log: filepath.Join(t.dir, "dockerd.log"),
		Args: []string{"--data-root", data, "--exec-root", exec, "--pidfile", filepath.Join(run, "dockerd.pid"), "--host", socket},
	})
	if err != nil {
		return nil, err
	}
	if err := e.await(ctx); err != nil {
		return nil, errors.Join(err, e.stop())
	}
	fmt.Fprintf(t.out, "engine: ours, at %s\n", socket)
	return e, nil
}

// mayStart says whether an engine can be installed and started here.
func mayStart() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: no Docker engine answers, and starting one needs root", errCannot)
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("%w: no Docker engine answers, and one is installed from packages of Debian or Ubuntu only", errCannot)
	}
	return nil
}

// shortFolder returns a folder for sockets, the paths of which are bounded.
func shortFolder(dir string) (string, error) {
	const longest = 60 // containerd adds its own
	if len(dir) <= longest {
		return dir, nil
	}
	sum := fnv.New32a()
	sum.Write([]byte(dir))
	short := filepath.Join(os.TempDir(), fmt.Sprintf("provingground-docker-%08x", sum.Sum32()))
	if err := os.Mkdir(short, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	// Its name can be guessed: whoever made it first would have our engine's socket.
	info, err := os.Lstat(short)
	if err != nil {
		return "", err
	}
	if of, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || info.Mode().Perm() != 0o700 || int(of.Uid) != os.Geteuid() {
		return "", fmt.Errorf("%s is not a folder of this user alone: remove it", short)
	}
	return short, nil
}

func (e *engine) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, engineTime, fmt.Errorf("dockerd does not answer within %v", engineTime))
	defer cancel()
	for {
		if _, err := e.docker(ctx, "info"); err == nil {
			return nil
		}
		select {
		case <-e.process.Done():
			// A container without the rights for it, most often.
			return fmt.Errorf("%w: dockerd ended: %s", errCannot, e.process.Tail(1))
		case <-ctx.Done():
			return fmt.Errorf("%w\n%s", context.Cause(ctx), e.process.Tail(12))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// stop ends the engine if it is ours. Its images stay for the next run.
func (e *engine) stop() error {
	if e.process == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), engineTime)
	defer cancel()
	err := e.process.Stop(ctx)
	for _, mount := range e.mounts {
		// Not each is mounted: one that is not says so.
		if gone := syscall.Unmount(mount, 0); gone != nil && !errors.Is(gone, syscall.EINVAL) && !errors.Is(gone, syscall.ENOENT) {
			err = errors.Join(err, fmt.Errorf("unmount %s: %w", mount, gone))
		}
	}
	return err
}

func (e *engine) docker(ctx context.Context, args ...string) (string, error) {
	return output(ctx, e.env, "docker", args...)
}

// things are the containers, volumes and networks that are there.
func (e *engine) things(ctx context.Context) ([]string, error) {
	var all []string
	for kind, args := range map[string][]string{
		"container": {"ps", "--all", "--format", "{{.Names}}"},
		"volume":    {"volume", "ls", "--format", "{{.Name}}"},
		"network":   {"network", "ls", "--format", "{{.Name}}"},
	} {
		text, err := e.docker(ctx, args...)
		if err != nil {
			return nil, err
		}
		for name := range strings.FieldsSeq(text) {
			all = append(all, kind+" "+name)
		}
	}
	slices.Sort(all)
	return all, nil
}
