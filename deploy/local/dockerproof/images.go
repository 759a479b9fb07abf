//go:build linux

package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/scenarios"
)

//go:embed images
var imageFiles embed.FS

const (
	baseImage = "local/base:stand-in"
	deafImage = "local/deaf:stand-in"
	goImage   = "local/golang:stand-in"
)

// vendorImage is an image that docker-compose.yml takes from a registry.
type vendorImage struct {
	variable string
	image    string   // the file's default
	servers  []string // of the table that run it; none: it builds images
	standIn  string   // an image of ours in its place; empty: none
	from     string   // what that is made of
}

// vendorImages are all of them, in the order of the README's table.
func vendorImages() []vendorImage {
	return []vendorImage{
		{"REDIS_IMAGE", "redis:7.4.6-alpine", []string{"redis"}, "local/redis:stand-in", "Debian's redis-server"},
		{"POSTGRES_IMAGE", "postgres:15.14-alpine", []string{"postgres"}, "local/postgres:stand-in", "Debian's postgresql"},
		{"AWS_IMAGE", "localstack/localstack:4.14.0", []string{"aws", "dynamodb"}, "local/ministack:stand-in", "MiniStack from PyPI"},
		{"GO_IMAGE", "golang:1.26.8-bookworm", nil, goImage, "Debian with this machine's Go"},
		{"PGBOUNCER_IMAGE", "edoburu/pgbouncer:1.18.0", []string{"pgbouncer"}, "", ""},
		{"PUBSUB_IMAGE", "gcr.io/google.com/cloudsdktool/google-cloud-cli:573.0.0-emulators", []string{"pubsub"}, "local/pubsub:stand-in", "pkg/pubsubtest of this repository"},
		{"AZURITE_IMAGE", "mcr.microsoft.com/azure-storage/azurite:3.37.0", []string{"tables"}, "", ""},
		{"NODE_IMAGE", "node:24.19.0-bookworm-slim", []string{"d1"}, "", ""},
	}
}

// builds says that the image only builds others.
func (v vendorImage) builds() bool { return v.variable == "GO_IMAGE" || v.variable == "NODE_IMAGE" }

// runs returns the image that runs here: the one that a variable names, else the
// stand-in, else nothing.
func (v vendorImage) runs() string {
	if name := os.Getenv(v.variable); name != "" {
		return name
	}
	return v.standIn
}

// lacking returns the servers of a scenario that have no image here.
func lacking(s scenarios.Scenario) []string {
	var lacks []string
	for _, v := range vendorImages() {
		for _, name := range v.servers {
			if v.runs() == "" && slices.Contains(s.Needs, name) {
				lacks = append(lacks, name)
			}
		}
	}
	return lacks
}

func variables(servers []string) string {
	var names []string
	for _, v := range vendorImages() {
		if slices.ContainsFunc(v.servers, func(s string) bool { return slices.Contains(servers, s) }) {
			names = append(names, v.variable)
		}
	}
	return strings.Join(names, ", ")
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
		used := v.servers == nil && len(chosen) > 0
		for _, s := range chosen {
			used = used || slices.ContainsFunc(v.servers, func(name string) bool { return slices.Contains(s.Needs, name) })
		}
		if used {
			images[v.variable] = v.runs()
		}
	}
	return images
}

func writeTable(w io.Writer, images map[string]string) {
	fmt.Fprintln(w, "| image | ran here | in its place |\n| --- | --- | --- |")
	for _, v := range vendorImages() {
		answer, place := "no", "nothing"
		switch image := images[v.variable]; {
		case image == v.image:
			answer, place = "yes", "itself"
		case image == v.standIn && image != "":
			place = v.from
		case image != "":
			place = image
		}
		fmt.Fprintf(w, "| `%s` | %s | %s |\n", v.image, answer, place)
	}
}

// buildImages builds what is not there yet. The engine keeps layers, so that only
// the first run is long.
func buildImages(ctx context.Context, t *tools, e *engine) error {
	if _, err := e.docker(ctx, "image", "inspect", baseImage); err != nil {
		if err := t.step("building "+baseImage+" from Debian's packages", func() error { return importBase(ctx, t, e) }); err != nil {
			return err
		}
	}
	dir, err := buildContext(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, target := range []string{"redis", "postgres", "ministack", "pubsub", "deaf"} {
		name := "local/" + target + ":stand-in"
		err := t.step("building "+name, func() error {
			_, err := e.docker(ctx, "build", "--quiet", "--target", target, "--tag", name, dir)
			return err
		})
		if err != nil {
			return err
		}
	}
	return t.step("building "+goImage, func() error {
		proxy, err := output(ctx, nil, "go", "env", "GOPROXY")
		if err != nil {
			return err
		}
		goroot, err := output(ctx, nil, "go", "env", "GOROOT")
		if err != nil {
			return err
		}
		_, err = e.docker(ctx, "build", "--quiet", "--file", filepath.Join(dir, "golang.Dockerfile"),
			"--build-arg", "GOPROXY="+proxy, "--tag", goImage, goroot)
		return err
	})
}

// buildContext writes the files that images are built from into a folder.
func buildContext(ctx context.Context) (dir string, err error) {
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
	for _, script := range []string{"postgres.sh", "gcloud.sh"} {
		if err := os.Chmod(filepath.Join(dir, script), 0o755); err != nil {
			return "", err
		}
	}
	static := []string{"CGO_ENABLED=0"}
	if _, err := output(ctx, static, "go", "build", "-buildvcs=false", "-o", filepath.Join(dir, "pubsubtest"), "./pkg/pubsubtest/cmd/pubsubtest"); err != nil {
		return "", err
	}
	pins, err := os.ReadFile("deploy/local/server/ministack.txt")
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "ministack.txt"), pins, 0o644)
}

// importBase makes a root folder with all servers in it and gives it to the engine.
// The certificates of this machine are in it, because its registries may need them.
func importBase(ctx context.Context, t *tools, e *engine) error {
	dir, _, err := t.cloud.DebianPackages(ctx, "", "mmdebstrap", "usr/bin/mmdebstrap", "mmdebstrap")
	if err != nil {
		return err
	}
	mirror, release, err := server.DebianMirror(ctx)
	if err != nil {
		return err
	}
	const certificates = "/etc/ssl/certs/ca-certificates.crt"
	args := []string{
		"--variant=apt", "--include=redis-server,postgresql,python3,python3-venv,ca-certificates",
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
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mmdebstrap: %w\n%s", err, end(string(text)))
	}
	_, err = e.docker(ctx, "import", archive, baseImage)
	return err
}
