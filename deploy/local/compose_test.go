//go:build unix

package main

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/scenarios"
)

// service is what is looked at of a service in the compose file.
type service struct {
	Profiles []string
	Image    string
	Build    *struct {
		Dockerfile string
		Args       map[string]string
	}
	Command     []string
	Environment map[string]string
	Volumes     []string
	Ports       []string
	MemLimit    string `yaml:"mem_limit"`
	Healthcheck map[string]any
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
}

func services(t *testing.T) map[string]service {
	t.Helper()
	return servicesOf(t, "../../docker-compose.yml")
}

func servicesOf(t *testing.T, file string) map[string]service {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Services map[string]service }
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return all.Services
}

func TestTheComposeFileHoldsEveryServerOfTheTable(t *testing.T) {
	t.Setenv("AWS_EMULATOR", "")
	all := services(t)
	for _, d := range server.Table() {
		t.Run(d.Name, func(t *testing.T) {
			s, found := all[d.Name]
			if !found {
				t.Fatal("not in the compose file")
			}
			if want := fmt.Sprintf("${%s:-%s}", d.Image.Variable, d.Image.Default); s.Image != want {
				t.Errorf("image %q, want %q", s.Image, want)
			}
			if !slices.Equal(s.Command, d.ContainerArgs) {
				t.Errorf("command %q, want %q", s.Command, d.ContainerArgs)
			}
			if !maps.Equal(s.Environment, d.ContainerEnv) {
				t.Errorf("environment %v, want %v", s.Environment, d.ContainerEnv)
			}
			from, to := "127.0.0.1:${"+d.PortVariable+":-", ":"+strconv.Itoa(d.ContainerPort)
			if len(s.Ports) != 1 || !strings.HasPrefix(s.Ports[0], from) || !strings.HasSuffix(s.Ports[0], to) {
				t.Errorf("ports %q, want %s…}%s", s.Ports, from, to)
			}
			if want := profiles(d.Name); !slices.Equal(s.Profiles, want) {
				t.Errorf("profiles %q, want %q: the scenarios that need it", s.Profiles, want)
			}
		})
	}
}

// profiles are the slugs of the scenarios that need a server; one that no scenario
// needs yet has a profile of its own.
func profiles(name string) []string {
	var slugs []string
	for _, sc := range scenarios.All() {
		if sc.Starts() && slices.Contains(sc.Needs, name) {
			slugs = append(slugs, sc.Slug)
		}
	}
	if slugs == nil {
		return []string{name}
	}
	return slugs
}

func TestTheComposeFileRunsEveryRoleOfTheCatalogue(t *testing.T) {
	all := services(t)
	for _, sc := range scenarios.All() {
		for _, role := range sc.Roles {
			for i := range role.Count {
				name := fmt.Sprintf("%s-%s-%d", sc.Slug, role.Name, i)
				t.Run(name, func(t *testing.T) { checkRole(t, all[name], sc, role, i) })
			}
		}
	}
}

func checkRole(t *testing.T, s service, sc scenarios.Scenario, role scenarios.Role, index int) {
	t.Helper()
	if !slices.Equal(s.Profiles, []string{sc.Slug}) {
		t.Errorf("profiles %q, want %q", s.Profiles, sc.Slug)
	}
	port := func(i int) string { return stack.ComposeVariable(sc.Slug, role.Name, strconv.Itoa(i), "port") }
	want := map[string]string{"ADDR": "0.0.0.0:8080", "ADMIN_ADDR": "0.0.0.0:9090"}
	maps.Copy(want, role.Env)
	maps.Copy(want, stack.FunctionEnv(sc.Slug, role))
	if role.Lambda != nil {
		want["FUNCTION"] = "/function"
		if s.Build == nil || s.Build.Args["HOST"] == "" {
			t.Error("a function is built without its host")
		}
	}
	for variable, called := range role.Calls {
		want[variable] = fmt.Sprintf("http://%s-%s-0:8080", sc.Slug, called)
	}
	for _, name := range role.Secrets {
		want[name] = "${" + stack.ComposeVariable(sc.Slug, name) + ":-}"
	}
	for _, name := range sc.Needs {
		d, err := server.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(want, d.Env(fmt.Sprintf("%s:%d", d.Name, d.ContainerPort)))
		if s.DependsOn[name].Condition != "service_healthy" {
			t.Errorf("does not wait for %s", name)
		}
	}
	// There are no files of the user's in a container.
	delete(want, "AWS_CONFIG_FILE")
	delete(want, "AWS_SHARED_CREDENTIALS_FILE")
	got := maps.Clone(s.Environment)
	// As every process gets them natively; without a value compose passes them on.
	for _, name := range []string{"ENDPOINT", "HEADERS"} {
		want["OTEL_EXPORTER_OTLP_"+name] = ""
	}
	for _, name := range []string{"RESOURCE_ATTRIBUTES", "SDK_DISABLED", "TRACES_SAMPLER", "TRACES_SAMPLER_ARG"} {
		want["OTEL_"+name] = ""
	}
	if public := got["PUBLIC_URL"]; !strings.HasPrefix(public, "http://127.0.0.1:${"+port(0)+":-") {
		t.Errorf("PUBLIC_URL %q is not that of the first process", public)
	}
	delete(got, "PUBLIC_URL")
	// Clients outside reach S3 at another address than a container does.
	if address, found := got["UPLOAD_ENDPOINT"]; found && !strings.HasPrefix(address, "http://127.0.0.1:${AWS_PORT:-") {
		t.Errorf("UPLOAD_ENDPOINT %q is not that of the emulator", address)
	}
	delete(got, "UPLOAD_ENDPOINT")
	if !maps.Equal(got, want) {
		t.Errorf("environment\n%v, want\n%v", got, want)
	}
	if len(s.Ports) != 2 || !strings.Contains(s.Ports[0], "${"+port(index)+":-") {
		t.Errorf("ports %q lack %s", s.Ports, port(index))
	}
	if sc.Template != "" && s.DependsOn[sc.Slug+"-provision"].Condition != "service_completed_successfully" {
		t.Error("does not wait for its infrastructure")
	}
}

func TestEveryServiceIsBoundedPinnedAndPrivate(t *testing.T) {
	port := regexp.MustCompile(`^127\.0\.0\.1:\$\{[A-Z0-9_]+:-\d+\}:\d+$`)
	image := regexp.MustCompile(`^\$\{[A-Z_]+_IMAGE:-[a-z./-]+:v?\d+\.\d+[\w.-]*\}$`)
	for name, s := range services(t) {
		if s.MemLimit == "" {
			t.Errorf("%s has no memory limit", name)
		}
		for _, p := range s.Ports {
			if !port.MatchString(p) {
				t.Errorf("%s publishes %q, want 127.0.0.1:${VARIABLE:-port}:port", name, p)
			}
		}
		if s.Build == nil && !image.MatchString(s.Image) {
			t.Errorf("%s has image %q, want ${…_IMAGE:-name:exact version}", name, s.Image)
		}
		if _, found := s.Healthcheck["start_interval"]; found {
			t.Errorf("%s uses start_interval, which engines before 25 refuse", name)
		}
		if s.Build == nil && s.Healthcheck["interval"] != "2s" && name != "collector" {
			t.Errorf("%s is looked at every %v, want 2s", name, s.Healthcheck["interval"])
		}
	}
}

// Who runs compose without make gets the ports that the file names, for all profiles.
func TestNoTwoServicesHaveTheSamePort(t *testing.T) {
	port := regexp.MustCompile(`:-(\d+)\}`)
	holders := map[string]string{}
	for name, s := range services(t) {
		for _, p := range s.Ports {
			number := port.FindStringSubmatch(p)
			if number == nil {
				t.Errorf("%s publishes %q, which names no port", name, p)
				continue
			}
			if other, taken := holders[number[1]]; taken {
				t.Errorf("%s and %s both publish port %s", name, other, number[1])
			}
			holders[number[1]] = name
		}
	}
}

func TestTheImagesAreBuiltWithTheGoOfTheModule(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(mod)
	if version == nil {
		t.Fatal("go.mod names no version")
	}
	for _, file := range []string{"../../docker-compose.yml", "../images/scenario.Dockerfile"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`golang:[\w.-]+`).FindAllString(string(text), -1) {
			if !strings.HasPrefix(found, "golang:"+string(version[1])+".") {
				t.Errorf("%s has %s, go.mod says %s", file, found, version[1])
			}
		}
		if strings.Contains(string(text), "# syntax") {
			t.Errorf("%s has a syntax line, which needs a download of its own", file)
		}
	}
}

// What is built of a profile is the first process of each role, so the others must
// name the same image.
func TestTheProcessesOfARoleShareAnImage(t *testing.T) {
	all := services(t)
	for _, sc := range scenarios.All() {
		for _, role := range sc.Roles {
			first := all[fmt.Sprintf("%s-%s-0", sc.Slug, role.Name)]
			for i := 1; i < role.Count; i++ {
				name := fmt.Sprintf("%s-%s-%d", sc.Slug, role.Name, i)
				if s := all[name]; s.Image != first.Image || s.Build == nil || !maps.Equal(s.Build.Args, first.Build.Args) {
					t.Errorf("%s has image %q of %+v, its first process %q of %+v", name, s.Image, s.Build, first.Image, first.Build)
				}
			}
		}
		if p, found := all[sc.Slug+"-provision"]; sc.Starts() && len(sc.Needs) > 0 && (!found || p.Build == nil) {
			t.Errorf("no %s-provision is built", sc.Slug)
		}
	}
}
