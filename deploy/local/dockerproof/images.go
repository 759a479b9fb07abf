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
		{"COLLECTOR_IMAGE", "otel/opentelemetry-collector:0.136.0", nil, "", ""},
		{"JAEGER_IMAGE", "jaegertracing/jaeger:2.19.0", nil, "", ""},
		{"PROMETHEUS_IMAGE", "prom/prometheus:v3.5.0", nil, "", ""},
		{"GRAFANA_IMAGE", "grafana/grafana:12.1.0", nil, "", ""},
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

// buildImages builds what is not there yet of the base, the scenarios' stand-ins
// and those of the tests. The engine keeps layers, so that only the first run is
// long.
func buildImages(ctx context.Context, t *tools, e *engine, chosen []scenarios.Scenario) error {
	if _, err := e.docker(ctx, "image", "inspect", baseImage()); err != nil {
		if err := t.step("building "+baseImage()+" from Debian's packages", func() error { return importBase(ctx, t, e) }); err != nil {
			return err
		}
	}
	dir, err := buildContext(ctx, t, slices.Contains(targets(chosen), "pubsub"))
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	wanted := targets(chosen)
	return atOnce(
		func() error { return t.step("building "+goImage, func() error { return buildGo(ctx, e, dir) }) },
		func() error {
			return t.step("building stand-ins: "+strings.Join(wanted, ", "), func() error { return buildTargets(ctx, e, dir, wanted) })
		},
	)
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
// same: sending it to the engine takes long.
func buildGo(ctx context.Context, e *engine, dir string) error {
	about, err := output(ctx, nil, "go", "env", "GOROOT", "GOVERSION", "GOPROXY")
	if err != nil {
		return err
	}
	made := strings.Join(append(strings.Fields(about), baseImage()), " ")
	const label = "provingground.made"
	if was, err := e.docker(ctx, "image", "inspect", "--format", `{{index .Config.Labels "`+label+`"}}`, goImage); err == nil && was == made {
		return nil
	}
	goroot, _, _ := strings.Cut(about, "\n")
	proxy := about[strings.LastIndexByte(about, '\n')+1:]
	_, err = e.docker(ctx, "build", "--quiet", "--file", filepath.Join(dir, "golang.Dockerfile"), "--label", label+"="+made,
		"--build-arg", "BASE="+baseImage(), "--build-arg", "GOPROXY="+proxy, "--tag", goImage, goroot)
	return err
}

// buildContext writes the files that images are built from into a folder, with our
// Pub/Sub where it is wanted.
func buildContext(ctx context.Context, t *tools, pubsub bool) (dir string, err error) {
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
	if pubsub {
		if _, err := output(ctx, []string{"CGO_ENABLED=0"}, "go", "build", "-buildvcs=false", "-o", filepath.Join(dir, "pubsubtest"), "./pkg/pubsubtest/cmd/pubsubtest"); err != nil {
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

// importBase makes a root folder with all servers in it and gives it to the engine.
// The certificates of this machine are in it, because its registries may need them.
func importBase(ctx context.Context, t *tools, e *engine) error {
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
		"--variant=apt", "--include=" + basePackages,
		"--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=path-exclude=/usr/share/man/*",
		"--dpkgopt=force-unsafe-io", `--aptopt=Acquire::Languages "none"`, `--setup-hook=mkdir -p "$1/usr/share/man/man1"`,
		`--customize-hook=rm -rf "$1"/var/lib/postgresql/* "$1"/var/lib/apt/lists/*`,
	}
	if _, err := os.Stat(certificates); err == nil {
		args = append(args, "--customize-hook=copy-in "+certificates+" /etc/ssl/certs")
	}
	archive := filepath.Join(t.dir, "base.tar")
	defer os.Remove(archive)
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "usr/bin/mmdebstrap"), append(args, "--architectures="+runtime.GOARCH, release, archive, mirror)...)
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "usr/bin")+":"+os.Getenv("PATH"))
	// Killed, it would leave its children and the folder that they work in.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mmdebstrap: %w\n%s", err, end(string(text)))
	}
	_, err = e.docker(ctx, "import", archive, baseImage())
	return err
}
