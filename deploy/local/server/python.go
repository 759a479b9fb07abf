//go:build unix

package server

import (
	"context"
	_ "embed" // of the pinned requirements
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed ministack.txt
var miniStackPins string

// python is an interpreter, and the pip wheel it needs where it brings no pip.
type python struct {
	program
	pip string
}

// miniStack installs the AWS emulator into a private virtual environment.
func miniStack(ctx context.Context, in *installer) (program, error) {
	p, err := in.venv(ctx, "ministack", "MiniStack (Python packages, about 90 MB on disk)", miniStackPins)
	if err != nil {
		return program{}, err
	}
	p.args = []string{"-m", "ministack"}
	return p, nil
}

// PythonPackages installs packages into a private virtual environment named
// name, once, and returns the command that starts its interpreter, to which the
// caller adds arguments. Requirements pin every package and its hash, as
// pip-compile --generate-hashes writes them.
func (c *Cloud) PythonPackages(ctx context.Context, name, requirements string) (*exec.Cmd, error) {
	in := &installer{root: c.root, progress: c.progress}
	p, err := in.venv(ctx, name, name+" (Python packages)", requirements)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, p.path)
	cmd.Env = append(os.Environ(), p.env...)
	return cmd, nil
}

// venv makes a virtual environment with exactly the pinned packages, each
// checked against its hash, and returns its interpreter.
func (in *installer) venv(ctx context.Context, name, what, pins string) (program, error) {
	return in.venvOf(ctx, name, what, pins, in.python)
}

// venvOf is venv with the interpreter that find returns.
func (in *installer) venvOf(ctx context.Context, name, what, pins string, find func(context.Context) (python, error)) (program, error) {
	var libs []string
	dir, err := in.once(ctx, name, machine()+pins, func(ctx context.Context, dir string) error {
		py, err := find(ctx)
		if err != nil {
			return err
		}
		libs = py.env
		return in.progress.step(ctx, "installing "+what, func(ctx context.Context) error {
			return py.install(ctx, dir, pins)
		})
	})
	if err != nil {
		return program{}, err
	}
	if libs == nil {
		libs = libraries(filepath.Join(in.root, "pkg", "python3"))
	}
	// The interpreter and a module, not a script in bin: the first line of a
	// script names the folder as it was at installation.
	return program{path: filepath.Join(dir, "bin", "python3"), env: libs}, nil
}

func (py python) install(ctx context.Context, dir, requirements string) error {
	pins := filepath.Join(dir, "requirements.txt")
	if err := os.WriteFile(pins, []byte(requirements), 0o600); err != nil {
		return err
	}
	venv := []string{"-m", "venv", dir}
	if py.pip != "" {
		venv = []string{"-m", "venv", "--without-pip", dir}
	}
	if _, err := run(ctx, py.env, py.path, venv...); err != nil {
		return err
	}
	pip := []string{"-m", "pip"}
	if py.pip != "" {
		pip = []string{filepath.Join(py.pip, "pip")} // a wheel runs as it is
	}
	args := append(pip, "install", "-q", "--disable-pip-version-check", "--require-hashes", "--no-deps", "-r", pins)
	_, err := run(ctx, py.env, filepath.Join(dir, "bin", "python3"), args...)
	return err
}

// python takes the machine's own from 3.10 on; where it cannot make a virtual
// environment with pip (a bare Debian), pip's wheel is unpacked beside it; where
// there is no Python, Debian's is unpacked as a whole.
func (in *installer) python(ctx context.Context) (python, error) {
	const (
		usable  = "import sys, venv; sys.exit(sys.version_info < (3, 10))"
		withPip = "import ensurepip"
	)
	own := program{path: "python3"}
	if _, err := run(ctx, nil, own.path, "-c", usable); err == nil {
		if _, err := run(ctx, nil, own.path, "-c", withPip); err == nil {
			return python{program: own}, nil
		}
		if py, err := withWheel(own, "/"); err == nil { // the wheel alone is installed
			return py, nil
		}
		dir, err := in.debian(ctx, "pip", "usr/share/python-wheels", "python3-pip-whl")
		if err != nil {
			return python{}, err
		}
		return withWheel(own, dir)
	}
	dir, err := in.debian(ctx, "python3", "usr/bin/python3", "python3", "python3-venv", "python3-pip-whl")
	if err != nil {
		return python{}, err
	}
	return withWheel(program{path: filepath.Join(dir, "usr/bin/python3"), env: libraries(dir)}, dir)
}

func withWheel(p program, dir string) (python, error) {
	wheels, err := filepath.Glob(filepath.Join(dir, "usr/share/python-wheels/pip-*.whl"))
	if err != nil || len(wheels) == 0 {
		return python{}, errors.Join(err, fmt.Errorf("no pip wheel below %s", dir))
	}
	return python{program: p, pip: wheels[0]}, nil
}
