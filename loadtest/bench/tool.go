package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
)

// tool finds or unpacks a program; an error is one line.
func tool(ctx context.Context, cloud *server.Cloud, file, pkg string) (program string, env []string, err error) {
	program, env, err = cloud.Tool(ctx, file, pkg)
	if ctx.Err() != nil {
		return "", nil, context.Cause(ctx)
	}
	if err != nil {
		return "", nil, fmt.Errorf("%w: %s is needed, put it on PATH: %s", errUsage, path.Base(file), firstLine(err.Error()))
	}
	return program, env, nil
}

// output returns what a program says about itself, on whichever stream.
func output(ctx context.Context, env []string, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	text, err := cmd.CombinedOutput()
	return string(text), err
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// runClient runs a load generator for about the time of a row. It has ended when
// this returns, with the kernel's account of its processor time.
func runClient(ctx context.Context, row time.Duration, env []string, program string, args ...string) (string, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*row+20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	text, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return "", 0, context.Cause(ctx)
	}
	if err != nil {
		return "", 0, fmt.Errorf("%s: %w: %.400s", path.Base(program), err, text)
	}
	return string(text), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}
