//go:build unix

package server

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// tools are those of the machine that LocalStack needs as a process.
type tools struct {
	python           string // 3.13 or newer
	javac, jarTool   string // of a JDK, 17 or newer
	javaHome         string
	maven, node, npm string
}

// findTools finds them all, or says in one line what is missing.
func findTools(ctx context.Context) (tools, error) {
	if runtime.GOOS != "linux" {
		return tools{}, configuration("AWS_EMULATOR=localstack without Docker needs Linux, for a network of its own: use Docker, or unset it for MiniStack")
	}
	var missing []string
	want := func(what, path string) string {
		if path == "" {
			missing = append(missing, what)
		}
		return path
	}
	t := tools{
		python:  want("Python 3.13 or newer", newPython(ctx)),
		javac:   want("a JDK, 17 or newer (javac)", newJavac(ctx)),
		jarTool: want("jar", onPath("jar")),
		maven:   want("Maven (mvn)", onPath("mvn")),
		node:    want("Node (node)", onPath("node")),
		npm:     want("npm", onPath("npm")),
	}
	if missing != nil {
		return tools{}, configuration("AWS_EMULATOR=localstack without Docker lacks on this machine: %s; install it, use Docker, or unset AWS_EMULATOR for MiniStack", strings.Join(missing, ", "))
	}
	real, err := filepath.EvalSymlinks(t.javac)
	if err != nil {
		return tools{}, err
	}
	t.javaHome = filepath.Dir(filepath.Dir(real))
	return t, nil
}

func onPath(name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

// newPython looks on the path and among pyenv's, whose programs on the path
// answer only for the version that is chosen. The answer is the interpreter itself.
func newPython(ctx context.Context) string {
	candidates := []string{"python3", "python3.13", "python3.14"}
	if home, err := os.UserHomeDir(); err == nil {
		found, err := filepath.Glob(filepath.Join(home, ".pyenv/versions/3.1[3-9].*/bin/python3"))
		if err == nil {
			candidates = append(candidates, found...)
		}
	}
	const usable = "import sys, venv, ensurepip; sys.exit(1) if sys.version_info < (3, 13) else print(sys.executable)"
	for _, path := range candidates {
		if out, err := run(ctx, nil, path, "-c", usable); err == nil {
			return strings.TrimSpace(out)
		}
	}
	return ""
}

func newJavac(ctx context.Context) string {
	path := onPath("javac")
	if path == "" {
		return ""
	}
	out, err := run(ctx, nil, path, "-version")
	if err != nil {
		return ""
	}
	found := regexp.MustCompile(`javac (\d+)`).FindStringSubmatch(out)
	if found == nil {
		return ""
	}
	if major, err := strconv.Atoi(found[1]); err != nil || major < 17 {
		return ""
	}
	return path
}
