package orderprocessor

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/scenarios"
)

// read reads a JSON file of deploy/azure.
func read(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile("../../deploy/azure/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// setting is a variable of a container or of a Functions app.
type setting struct{ Name, Value, SecretRef string }

// deployed is what is looked at of the template of the roles.
type deployed struct {
	Resources []struct {
		Type       string
		Properties struct {
			SiteConfig struct{ AppSettings []setting }
			Template   struct {
				Containers []struct{ Env []setting }
				Scale      struct {
					MinReplicas, MaxReplicas, PollingInterval, CooldownPeriod int

					Rules []struct {
						Custom struct {
							Type     string
							Metadata map[string]string
							Auth     []struct{ TriggerParameter string }
						}
					}
				}
			}
		}
	}
}

func catalogued(t *testing.T, name string) scenarios.Role {
	t.Helper()
	s, found := scenarios.Find("orderprocessor")
	if !found {
		t.Fatal("the catalogue has no orderprocessor")
	}
	return s.Role(name)
}

func TestTheTemplateScalesAsTheCatalogueSays(t *testing.T) {
	var d deployed
	read(t, "orderprocessor-service.json", &d)
	want := catalogued(t, "processor")
	found := 0
	for _, r := range d.Resources {
		if r.Type != "Microsoft.App/containerApps" {
			continue
		}
		found++
		s := r.Properties.Template.Scale
		if s.MinReplicas != want.Count || s.MaxReplicas != want.Scale.Max ||
			time.Duration(s.PollingInterval)*time.Second != want.Scale.Polling || time.Duration(s.CooldownPeriod)*time.Second != want.Scale.Cooldown {
			t.Errorf("the template has %+v, the catalogue %d processes and %+v", s, want.Count, *want.Scale)
		}
		if len(s.Rules) != 1 || s.Rules[0].Custom.Type != "azure-servicebus" || len(s.Rules[0].Custom.Auth) != 1 || s.Rules[0].Custom.Auth[0].TriggerParameter != "connection" {
			t.Fatalf("rules are %+v, want one of azure-servicebus with a connection", s.Rules)
		}
		var rule struct {
			QueueName    string
			MessageCount int `json:",string"`
		}
		raw, err := json.Marshal(s.Rules[0].Custom.Metadata)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &rule); err != nil {
			t.Fatal(err)
		}
		if rule.QueueName != want.Scale.Queue || rule.MessageCount != want.Scale.Messages {
			t.Errorf("the template's rule is %+v, the catalogue's %+v", rule, *want.Scale)
		}
	}
	if found != 1 {
		t.Errorf("%d container apps, want one", found)
	}
}

func TestTheTemplateSetsWhatTheRolesAreTold(t *testing.T) {
	var d deployed
	read(t, "orderprocessor-service.json", &d)
	for _, r := range d.Resources {
		switch r.Type {
		case "Microsoft.App/containerApps":
			checkSettings(t, "processor", r.Properties.Template.Containers[0].Env)
		case "Microsoft.Web/sites":
			checkSettings(t, "intake", r.Properties.SiteConfig.AppSettings)
		}
	}
}

func checkSettings(t *testing.T, name string, got []setting) {
	t.Helper()
	set := map[string]string{}
	for _, s := range got {
		set[s.Name] = s.Value + s.SecretRef
	}
	want := catalogued(t, name)
	for key, value := range want.Env {
		if set[key] != value {
			t.Errorf("%s: %s is %q in the template, %q in the catalogue", name, key, set[key], value)
		}
	}
	for _, key := range append([]string{"SERVICEBUS_CONNECTION_STRING", "TABLES_CONNECTION_STRING"}, want.Secrets...) {
		if set[key] == "" {
			t.Errorf("%s: the template does not set %s; it has %q", name, key, slices.Sorted(maps.Keys(set)))
		}
	}
}

// The Functions host hands requests on as they came to the program that it names.
func TestTheFunctionsHostSendsIntakeWhatIntakeServes(t *testing.T) {
	var host struct {
		CustomHandler struct {
			Description                 struct{ DefaultExecutablePath string }
			EnableForwardingHttpRequest bool
		}
		Extensions struct{ HTTP struct{ RoutePrefix string } }
	}
	read(t, "orderprocessor-intake/host.json", &host)
	if _, err := os.Stat("cmd/" + host.CustomHandler.Description.DefaultExecutablePath); err != nil || !host.CustomHandler.EnableForwardingHttpRequest {
		t.Errorf("the host's handler is %+v, want a program of cmd/ that gets requests as they came", host.CustomHandler)
	}
	var function struct {
		Bindings []struct {
			Type, Route string
			Methods     []string
		}
	}
	read(t, "orderprocessor-intake/orders/function.json", &function)
	trigger := function.Bindings[0]
	if trigger.Type != "httpTrigger" || trigger.Route != "{*path}" {
		t.Errorf("the trigger is %+v, want one of every path", trigger)
	}
	for pattern := range allowed() {
		if !strings.HasPrefix(pattern, "/"+host.Extensions.HTTP.RoutePrefix+"/") {
			t.Errorf("intake serves %s, which is not below the host's prefix %s", pattern, host.Extensions.HTTP.RoutePrefix)
		}
	}
	for pattern, method := range allowed() {
		if !slices.Contains(trigger.Methods, strings.ToLower(method)) {
			t.Errorf("intake serves %s %s, the trigger only %q", method, pattern, trigger.Methods)
		}
	}
}
