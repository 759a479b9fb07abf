//go:build linux

package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/scenarios"
)

//go:embed images
var imageFiles embed.FS

const (
	deafImage = "local/deaf:stand-in"
	goImage   = "local/golang:stand-in"
)

// basePackages are Debian's, for all stand-ins together.
const basePackages = "redis-server,postgresql,pgbouncer,python3,python3-venv,ca-certificates"

// baseImage is named for what is in it: with other packages it is another one.
func baseImage() string {
	sum := fnv.New32a()
	sum.Write([]byte(basePackages))
	return fmt.Sprintf("local/base:%08x", sum.Sum32())
}

// vendorImage is an image that docker-compose.yml takes from a registry.
type vendorImage struct {
	variable string
	image    string   // the file's default
	servers  []string // of the table that run it
	target   string   // of our Dockerfiles, the image in its place; empty: none
	from     string   // what that is made of
}

// vendorImages are all of them, in the order of the README's table.
func vendorImages() []vendorImage {
	return []vendorImage{
		{"REDIS_IMAGE", "redis:7.4.6-alpine", []string{"redis"}, "redis", "Debian's redis-server"},
		{"POSTGRES_IMAGE", "postgres:15.14-alpine", []string{"postgres"}, "postgres", "Debian's postgresql"},
		{"AWS_IMAGE", "localstack/localstack:4.14.0", []string{"aws", "dynamodb"}, "ministack", "MiniStack from PyPI"},
		{"GO_IMAGE", "golang:1.26.8-bookworm", nil, "golang", "Debian with this machine's Go"},
		{"PGBOUNCER_IMAGE", "edoburu/pgbouncer:1.18.0", []string{"pgbouncer"}, "pgbouncer", "Debian's pgbouncer"},
		{"PUBSUB_IMAGE", "gcr.io/google.com/cloudsdktool/google-cloud-cli:573.0.0-emulators", []string{"pubsub"}, "pubsub", "pkg/pubsubtest of this repository"},
		{"AZURITE_IMAGE", "mcr.microsoft.com/azure-storage/azurite:3.37.0", []string{"tables"}, "azurite", "Azurite from npm, on Node.js from PyPI"},
		{"NODE_IMAGE", "node:24.19.0-bookworm-slim", []string{"d1"}, "node", "Node.js from PyPI"},
		{"COLLECTOR_IMAGE", "otel/opentelemetry-collector:0.136.0", []string{"collector"}, "collector", "the collector 0.140 from the Go proxy"},
		{"JAEGER_IMAGE", "jaegertracing/jaeger:2.19.0", []string{"jaeger"}, "jaeger", "Jaeger 2.13 from the Go proxy, without its pages"},
		{"PROMETHEUS_IMAGE", "prom/prometheus:v3.5.0", []string{"prometheus"}, "prometheus", "Debian's prometheus"},
		{"GRAFANA_IMAGE", "grafana/grafana:12.1.0", []string{"grafana"}, "grafana", "a page that says it is well, and no Grafana"},
	}
}

// standIn is the name of the image in its place, which says what it is.
func (v vendorImage) standIn() string {
	if v.target == "" {
		return ""
	}
	return "local/" + v.target + ":stand-in"
}

// builds says that the image only builds others.
func (v vendorImage) builds() bool { return v.variable == "GO_IMAGE" || v.variable == "NODE_IMAGE" }

// runs returns the image that runs here: the one that a variable names, else the
// stand-in, else nothing.
func (v vendorImage) runs() string {
	if name := os.Getenv(v.variable); name != "" {
		return name
	}
	return v.standIn()
}

// imageEnv makes compose take what runs here.
func imageEnv() []string {
	var env []string
	for _, v := range vendorImages() {
		if image := v.runs(); image != "" {
			env = append(env, v.variable+"="+image)
		}
	}
	return env
}

// ran returns the images of vendors in the place of which something ran, by
// variable.
func ran(chosen []scenarios.Scenario) map[string]string {
	images := map[string]string{}
	for _, v := range vendorImages() {
		if v.neededBy(chosen) {
			images[v.variable] = v.runs()
		}
	}
	return images
}

// neededBy says that the scenarios run it, or are built with it.
func (v vendorImage) neededBy(chosen []scenarios.Scenario) bool {
	if v.variable == "GO_IMAGE" {
		return len(chosen) > 0
	}
	for _, s := range chosen {
		if v.variable == "NODE_IMAGE" && slices.ContainsFunc(s.Roles, func(r scenarios.Role) bool { return r.Worker != "" }) {
			return true
		}
		if slices.ContainsFunc(v.servers, func(name string) bool { return slices.Contains(s.Needs, name) }) {
			return true
		}
	}
	return false
}

func writeTable(w io.Writer, images map[string]string) {
	fmt.Fprintln(w, "| image | ran here | in its place |\n| --- | --- | --- |")
	for _, v := range vendorImages() {
		answer, place := "no", "nothing"
		switch image := images[v.variable]; {
		case image == v.image:
			answer, place = "yes", "itself"
		case image == v.standIn() && image != "":
			place = v.from
		case image != "":
			place = image
		}
		fmt.Fprintf(w, "| `%s` | %s | %s |\n", v.image, answer, place)
	}
}

// buildImages builds what is not there yet of the images that stand in for others,
// and of those of the scenarios' roles. The engine keeps layers, so that only the
// first run is long.
func buildImages(ctx context.Context, t *tools, e *engine, chosen []scenarios.Scenario) error {
	return atOnce(
		func() error { return buildStandIns(ctx, t, e, targets(chosen)) },
		func() error {
			if err := t.step("building "+goImage, func() error { return buildGo(ctx, t, e) }); err != nil {
				return err
			}
			return t.step("building the images of the roles", func() error { return buildRoles(ctx, e, chosen) })
		},
	)
}

func buildStandIns(ctx context.Context, t *tools, e *engine, wanted []string) error {
	if _, err := e.docker(ctx, "image", "inspect", baseImage()); err != nil {
		base := root{image: baseImage(), packages: basePackages}
		if err := t.step("building "+base.image+" from Debian's packages", func() error { return importRoot(ctx, t, e, base) }); err != nil {
			return err
		}
	}
	dir, err := buildContext(ctx, t, wanted)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return t.step("building stand-ins: "+strings.Join(wanted, ", "), func() error { return buildTargets(ctx, e, dir, wanted) })
}

// buildRoles compiles while the stand-ins are made, most of which is waiting; whoever
// brings a scenario up finds its images in the cache. Workers need one of the stand-ins.
func buildRoles(ctx context.Context, e *engine, chosen []scenarios.Scenario) error {
	var services []string
	for _, s := range chosen {
		for _, role := range s.Roles {
			if role.Worker == "" {
				services = append(services, s.Slug+"-"+role.Name+"-0")
			}
		}
		if len(s.Roles) > 0 && len(s.Needs) > 0 {
			services = append(services, s.Slug+"-provision")
		}
	}
	if len(services) == 0 {
		return nil
	}
	_, err := output(ctx, slices.Concat(e.env, imageEnv()), "docker", append([]string{"compose", "--profile", "*", "build"}, services...)...)
	return err
}

// buildTargets has compose build them: the client's own builder would make every
// stage of the file before the one that is asked for.
func buildTargets(ctx context.Context, e *engine, dir string, wanted []string) error {
	services := map[string]any{}
	for _, target := range wanted {
		services[target] = map[string]any{
			"image": "local/" + target + ":stand-in",
			"build": map[string]any{"context": dir, "target": target, "args": map[string]string{"BASE": baseImage()}},
		}
	}
	text, err := json.Marshal(map[string]any{"services": services}) // JSON is YAML
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "compose.json")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return err
	}
	_, err = e.docker(ctx, "compose", "--project-name", "stand-ins", "--file", file, "build")
	return err
}

// targets are those of the Dockerfile that the scenarios and our tests run, and
// that no variable replaces.
func targets(chosen []scenarios.Scenario) []string {
	tested := scenarios.Scenario{Needs: testedServers()}
	all := []string{"deaf"}
	for _, v := range vendorImages() {
		if v.target != "" && v.target != "golang" && v.runs() == v.standIn() && v.neededBy(slices.Concat(chosen, []scenarios.Scenario{tested})) {
			all = append(all, v.target)
		}
	}
	return all
}

// buildGo makes an image of this machine's Go, unless the one that is there is of the
// same. It has a root folder of its own, so that it need not wait for the base.
func buildGo(ctx context.Context, t *tools, e *engine) error {
	about, err := output(ctx, nil, "go", "env", "GOROOT", "GOVERSION", "GOPROXY")
	if err != nil {
		return err
	}
	const label = "provingground.made"
	made := strings.Join(strings.Fields(about), " ")
	if was, err := e.docker(ctx, "image", "inspect", "--format", `{{index .Config.Labels "`+label+`"}}`, goImage); err == nil && was == made {
		return nil
	}
	goroot, _, _ := strings.Cut(about, "\n")
	proxy := about[strings.LastIndexByte(about, '\n')+1:]
	return importRoot(ctx, t, e, root{
		image: goImage, packages: "ca-certificates",
		hooks:   []string{`mkdir -p "$1/usr/local/go"`, "sync-in " + goroot + " /usr/local/go"},
		changes: []string{"ENV PATH=/usr/local/go/bin:/usr/bin:/bin GOTOOLCHAIN=local GOPROXY=" + proxy, "LABEL " + label + "=\"" + made + "\""},
	})
}

// buildContext writes the files that images are built from into a folder, with the
// programs of those that are wanted.
func buildContext(ctx context.Context, t *tools, wanted []string) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "dockerproof-"); err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	files, err := fs.Sub(imageFiles, "images")
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, files); err != nil {
		return "", err
	}
	for _, script := range []string{"postgres.sh", "pgbouncer.sh", "npm.sh", "gcloud.sh"} {
		if err := os.Chmod(filepath.Join(dir, script), 0o755); err != nil {
			return "", err
		}
	}
	for _, target := range wanted {
		if err := buildProgram(ctx, t, target, dir); err != nil {
			return "", err
		}
	}
	for to, from := range map[string]string{"ministack.txt": "ministack.txt", "node.txt": "cloudflare/node.txt"} {
		pins, err := os.ReadFile(filepath.Join("deploy/local/server", from))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, to), pins, 0o644); err != nil {
			return "", err
		}
	}
	return dir, os.CopyFS(filepath.Join(dir, "azurite"), os.DirFS("deploy/local/server/azurite"))
}

// buildProgram builds the program that an image holds, where it is one in Go.
func buildProgram(ctx context.Context, t *tools, target, dir string) error {
	const pinned = "deploy/local/dockerproof/observability" // a module of its own
	build := map[string][2]string{                          // module and package
		"pubsub":    {".", "./pkg/pubsubtest/cmd/pubsubtest"},
		"collector": {pinned, "./collector"},
		"jaeger":    {pinned, "github.com/jaegertracing/jaeger/cmd/jaeger"},
	}
	of, found := build[target]
	if !found {
		return nil
	}
	return t.step("building the program of local/"+target, func() error {
		_, err := output(ctx, []string{"CGO_ENABLED=0"}, "go", "build", "-C", of[0], "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", dir+"/", of[1])
		return err
	})
}

// root is an image of one layer: packages of Debian, and what hooks of mmdebstrap put
// beside them.
type root struct {
	image, packages string
	hooks, changes  []string // changes are lines of a Dockerfile
}

// importRoot makes a root folder and gives it to the engine. The certificates of this
// machine are in it, because its registries may need them.
func importRoot(ctx context.Context, t *tools, e *engine, r root) error {
	mirror, release, err := server.DebianMirror(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errCannot, err)
	}
	dir, err := t.mmdebstrap(ctx)
	if err != nil {
		return err
	}
	const certificates = "/etc/ssl/certs/ca-certificates.crt"
	args := []string{
		"--variant=apt", "--include=" + r.packages,
		"--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=path-exclude=/usr/share/man/*",
		"--dpkgopt=force-unsafe-io", `--aptopt=Acquire::Languages "none"`, `--setup-hook=mkdir -p "$1/usr/share/man/man1"`,
		`--customize-hook=rm -rf "$1"/var/lib/postgresql/* "$1"/var/lib/apt/lists/*`,
	}
	if _, err := os.Stat(certificates); err == nil {
		args = append(args, "--customize-hook=copy-in "+certificates+" /etc/ssl/certs")
	}
	for _, hook := range r.hooks {
		args = append(args, "--customize-hook="+hook)
	}
	work, err := os.MkdirTemp(t.dir, "root-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	archive := filepath.Join(work, "root.tar")
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "usr/bin/mmdebstrap"), append(args, "--architectures="+runtime.GOARCH, release, archive, mirror)...)
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "usr/bin")+":"+os.Getenv("PATH"))
	// Killed, it would leave its children and the folder that they work in.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mmdebstrap: %w\n%s", err, end(string(text)))
	}
	var changes []string
	for _, change := range r.changes {
		changes = append(changes, "--change", change)
	}
	_, err = e.docker(ctx, slices.Concat([]string{"import"}, changes, []string{archive, r.image})...)
	return err
}
