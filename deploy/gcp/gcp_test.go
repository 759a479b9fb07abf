// The tests of this folder hold its files to the catalogue.
package gcp_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/provingground/provingground/deploy/gcp/topology"
	"github.com/provingground/provingground/scenarios"
)

// onGoogleCloud returns the scenarios whose infrastructure is in this folder.
func onGoogleCloud() (all []scenarios.Scenario) {
	for _, s := range scenarios.All() {
		if strings.HasPrefix(s.Template, "gcp/") {
			all = append(all, s)
		}
	}
	return all
}

// made returns what a file makes: names of topics and of subscriptions.
func made(t *testing.T, file string) map[string]bool {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{"PUSH_ENDPOINT": "https://run.example", "PUSH_AUDIENCE": "https://run.example", "PUSH_ACCOUNT": "a@example.com"}
	parsed, err := topology.Parse(raw, "p", variables)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	names := map[string]bool{}
	for _, topic := range parsed.Topics {
		names[strings.TrimPrefix(topic.Name, "projects/p/")] = true
	}
	for _, s := range parsed.Subscriptions {
		names[strings.TrimPrefix(s.Name, "projects/p/")] = true
	}
	return names
}

// resource returns what a variable of a role names: those that end with _TOPIC
// and _SUBSCRIPTION hold the short name of one.
func resource(variable, value string) string {
	switch {
	case strings.HasSuffix(variable, "_TOPIC"):
		return "topics/" + value
	case strings.HasSuffix(variable, "_SUBSCRIPTION"):
		return "subscriptions/" + value
	}
	return ""
}

func TestRolesUseTheNamesThatTheFilesMake(t *testing.T) {
	for _, s := range onGoogleCloud() {
		names, used := made(t, strings.TrimPrefix(s.Template, "gcp/")), 0
		for _, role := range s.Roles {
			for variable, value := range role.Env {
				name := resource(variable, value)
				if name == "" {
					continue
				}
				if used++; !names[name] {
					t.Errorf("%s: role %s has %s=%s, which %s does not make", s.Slug, role.Name, variable, value, s.Template)
				}
			}
		}
		if used == 0 {
			t.Errorf("%s: no role names a topic or a subscription", s.Slug)
		}
	}
}

// service is what is looked at of a Cloud Run service or worker pool.
type service struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Template struct {
			Spec struct {
				ContainerConcurrency int `yaml:"containerConcurrency"`
				TimeoutSeconds       int `yaml:"timeoutSeconds"`
				ServiceAccountName   string
				Containers           []struct {
					Env []struct {
						Name, Value string
						ValueFrom   map[string]any `yaml:"valueFrom"`
					}
					Resources struct{ Limits map[string]string }
				}
			}
		}
	}
}

func services(t *testing.T, slug string) (all []service) {
	t.Helper()
	raw, err := os.ReadFile(slug + "-service.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for decoder := yaml.NewDecoder(bytes.NewReader(raw)); ; {
		var s service
		if err := decoder.Decode(&s); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s: %v", slug, err)
		}
		all = append(all, s)
	}
}

// TestServicesAreTheRolesWithTheirVariables wants the variables of the catalogue
// in the service files: the same value, but where the cloud needs another one.
func TestServicesAreTheRolesWithTheirVariables(t *testing.T) {
	for _, s := range onGoogleCloud() {
		if _, err := os.Stat(s.Slug + "-service.yaml"); err != nil && s.Draft {
			continue
		}
		all := services(t, s.Slug)
		for _, role := range s.Roles {
			if role.Before {
				continue
			}
			i := slices.IndexFunc(all, func(each service) bool { return each.Metadata.Name == s.Slug+"-"+role.Name })
			if i < 0 {
				t.Errorf("%s: no service for the role %s", s.Slug, role.Name)
				continue
			}
			checkService(t, all[i], role)
		}
	}
}

func checkService(t *testing.T, s service, role scenarios.Role) {
	t.Helper()
	spec := s.Spec.Template.Spec
	if len(spec.Containers) != 1 || spec.Containers[0].Resources.Limits["memory"] == "" {
		t.Errorf("%s: want one container with a limit of memory", s.Metadata.Name)
		return
	}
	values, secret := map[string]string{}, map[string]bool{}
	for _, v := range spec.Containers[0].Env {
		values[v.Name], secret[v.Name] = v.Value, v.ValueFrom["secretKeyRef"] != nil
	}
	for variable, value := range role.Env {
		if resource(variable, value) != "" && values[variable] != value {
			t.Errorf("%s: %s is %q, the catalogue says %q", s.Metadata.Name, variable, values[variable], value)
		}
	}
	for _, name := range role.Secrets {
		if !secret[name] {
			t.Errorf("%s: %s does not come from a secret", s.Metadata.Name, name)
		}
	}
}

func TestEveryTopologyOfTheFolderIsRight(t *testing.T) {
	files, err := filepath.Glob("*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("files: %q, %v", files, err)
	}
	for _, file := range files {
		if len(made(t, file)) == 0 {
			t.Errorf("%s makes nothing", file)
		}
	}
}
