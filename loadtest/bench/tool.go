package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"

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
