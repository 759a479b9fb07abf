//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/scenarios"
)

const observability = "../observability/"

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func TestPrometheusLooksForEveryRole(t *testing.T) {
	var config struct {
		Jobs []struct {
			DNS []struct {
				Names []string
				Port  int
			} `yaml:"dns_sd_configs"`
		} `yaml:"scrape_configs"`
	}
	readYAML(t, observability+"prometheus.yml", &config)
	if len(config.Jobs) != 1 || len(config.Jobs[0].DNS) != 1 {
		t.Fatalf("%+v: want one job with one list of names", config)
	}
	var want []string
	for _, sc := range scenarios.All() {
		for _, role := range sc.Roles {
			for i := range role.Count {
				want = append(want, fmt.Sprintf("%s-%s-%d", sc.Slug, role.Name, i))
			}
		}
	}
	slices.Sort(want)
	if got := config.Jobs[0].DNS[0]; !slices.Equal(got.Names, want) || got.Port != 9090 {
		t.Errorf("port %d of\n%q, want 9090 of\n%q", got.Port, got.Names, want)
	}
}

func TestTheComposeFileRunsWhatShowsTracesAndMetrics(t *testing.T) {
	all := services(t)
	for _, d := range server.Observability() {
		s := all[d.Name]
		if want := fmt.Sprintf("${%s:-%s}", d.Image.Variable, d.Image.Default); s.Image != want {
			t.Errorf("%s: image %q, want %q", d.Name, s.Image, want)
		}
		if !slices.Equal(s.Profiles, []string{server.ObservabilityProfile}) {
			t.Errorf("%s: profiles %q", d.Name, s.Profiles)
		}
		from, to := "127.0.0.1:${"+d.PortVariable+":-", fmt.Sprintf(":%d", d.ContainerPort)
		if len(s.Ports) != 1 || !strings.HasPrefix(s.Ports[0], from) || !strings.HasSuffix(s.Ports[0], to) {
			t.Errorf("%s: ports %q, want %s…}%s", d.Name, s.Ports, from, to)
		}
		for _, v := range s.Volumes {
			file, _, _ := strings.Cut(v, ":")
			if _, err := os.Stat(filepath.Join("../..", file)); err != nil {
				t.Errorf("%s mounts what is not there: %v", d.Name, err)
			}
		}
	}
}

func TestTracesGoWhereTheCollectorSendsThem(t *testing.T) {
	var config struct {
		Receivers map[string]struct {
			Protocols map[string]struct{ Endpoint string }
		}
		Exporters map[string]struct{ Endpoint string }
		Service   struct {
			Pipelines map[string]struct{ Receivers, Exporters []string }
		}
	}
	readYAML(t, observability+"collector.yaml", &config)
	if got := config.Receivers["otlp"].Protocols["http"].Endpoint; got != "0.0.0.0:4318" {
		t.Errorf("it listens on %q", got)
	}
	if got := config.Exporters["otlp/jaeger"].Endpoint; got != "jaeger:4317" {
		t.Errorf("it sends to %q", got)
	}
	if got := config.Service.Pipelines["traces"]; !slices.Equal(got.Receivers, []string{"otlp"}) || !slices.Equal(got.Exporters, []string{"otlp/jaeger"}) {
		t.Errorf("pipeline %+v", got)
	}
}

// dashboard is what is looked at of a dashboard.
type dashboard struct {
	Panels []struct {
		Title      string
		Datasource struct{ UID string }
		Targets    []struct{ Expr string }
	}
}

func TestTheDashboardAsksForMetricsThatRolesHave(t *testing.T) {
	text, err := os.ReadFile(observability + "grafana/dashboards/roles.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	var sources struct{ Datasources []struct{ UID string } }
	readYAML(t, observability+"grafana/datasources.yaml", &sources)
	there := metricNames(t)
	asked := regexp.MustCompile(`__name__=~"([^"]+)"|\b(process_\w+|up)\{`)
	for _, p := range d.Panels {
		if !slices.ContainsFunc(sources.Datasources, func(s struct{ UID string }) bool { return s.UID == p.Datasource.UID }) {
			t.Errorf("%s: no data source %q", p.Title, p.Datasource.UID)
		}
		for _, target := range p.Targets {
			m := asked.FindStringSubmatch(target.Expr)
			if m == nil {
				t.Fatalf("%s: %q names no metric", p.Title, target.Expr)
			}
			for _, name := range alternatives(m[1] + m[2]) {
				if !slices.ContainsFunc(there, regexp.MustCompile("^(?:"+name+")$").MatchString) {
					t.Errorf("%s: no role has a metric %s", p.Title, name)
				}
			}
		}
	}
}

// alternatives spells a pattern with one group out, so that each part is looked for.
func alternatives(pattern string) []string {
	before, rest, found := strings.Cut(pattern, "(")
	if !found {
		return []string{pattern}
	}
	group, after, _ := strings.Cut(rest, ")")
	var all []string
	for part := range strings.SplitSeq(group, "|") {
		all = append(all, before+part+after)
	}
	return all
}

// metricNames are those in the sources of the scenarios, which say a name whole or
// without the slug, with the series of a histogram, and what every process has.
func metricNames(t *testing.T) []string {
	t.Helper()
	names := []string{"up", "process_cpu_seconds_total", "process_resident_memory_bytes"}
	literal := regexp.MustCompile(`"([a-z]+_[a-z_]+)"`)
	files, err := filepath.Glob("../../scenarios/*/metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		slug := filepath.Base(filepath.Dir(file))
		for _, m := range literal.FindAllStringSubmatch(string(text), -1) {
			name := slug + "_" + strings.TrimPrefix(m[1], slug+"_")
			names = append(names, name, name+"_bucket")
		}
	}
	return names
}
