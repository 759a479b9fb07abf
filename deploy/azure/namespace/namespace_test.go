package namespace_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/azure/namespace"
	"github.com/provingground/provingground/pkg/servicebustest"
	"github.com/provingground/provingground/pkg/servicebustest/config"
)

// files are the scenarios that have one, and a queue that is in it.
func files() map[string]string {
	return map[string]string{"orderprocessor": "orderprocessor-orders", "servicebusdlq": "servicebusdlq-ordered"}
}

func entities(t *testing.T, scenario string) []byte {
	t.Helper()
	file, err := os.ReadFile("../" + scenario + "-entities.json")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTheEntitiesAreMadeAndMadeAgain(t *testing.T) {
	s, err := servicebustest.NewServer(servicebustest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for scenario, queue := range files() {
		for _, round := range []string{"made", "repeated"} {
			if err := namespace.Apply(t.Context(), s.ConnectionString(), "http://"+s.AdminAddr(), entities(t, scenario)); err != nil {
				t.Fatalf("%s %s: %v", scenario, round, err)
			}
		}
		if _, err := s.Counts(queue); err != nil {
			t.Error(err)
		}
	}
}

func TestAFileThatIsNoneIsRefused(t *testing.T) {
	for _, text := range []string{"{", `{"UserConfig":{"Namespaces":[{"Name":"n","Topics":[{"Name":"t"}]}]}}`} {
		if err := namespace.Apply(t.Context(), "Endpoint=sb://127.0.0.1;SharedAccessKeyName=a;SharedAccessKey=b", "http://127.0.0.1:1", []byte(text)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

// Azure gets its entities from the ARM template, the local servers from the file
// beside it: every setting is the same but the time to live, which Microsoft's
// emulator limits to an hour.
func TestTheTemplateSaysWhatTheEntitiesSay(t *testing.T) {
	for scenario := range files() {
		t.Run(scenario, func(t *testing.T) { inStep(t, scenario) })
	}
}

func inStep(t *testing.T, scenario string) {
	t.Helper()
	ns, err := config.Parse(bytes.NewReader(entities(t, scenario)))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("../" + scenario + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources []struct {
			Type, Name string
			Properties map[string]any
		}
	}
	if err := json.Unmarshal(raw, &template); err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]any{}
	for _, r := range template.Resources {
		if r.Type == "Microsoft.ServiceBus/namespaces/queues" {
			_, quoted, _ := strings.Cut(r.Name, ", '")
			name, _, _ := strings.Cut(quoted, "'")
			found[name] = r.Properties
		}
	}
	if len(found) != len(ns.Queues) {
		t.Errorf("the template has %d queues, the file %d", len(found), len(ns.Queues))
	}
	for _, q := range ns.Queues {
		compare(t, q, found[q.Name])
	}
}

func compare(t *testing.T, q config.Queue, template map[string]any) {
	t.Helper()
	text := func(d *config.Duration) any {
		if d == nil {
			return nil
		}
		return config.FormatDuration(time.Duration(*d))
	}
	for name, want := range map[string]any{
		"requiresSession":                     q.Properties.RequiresSession,
		"lockDuration":                        text(q.Properties.LockDuration),
		"maxDeliveryCount":                    float64(q.Properties.MaxDeliveryCount),
		"deadLetteringOnMessageExpiration":    q.Properties.DeadLetteringOnMessageExpiration,
		"requiresDuplicateDetection":          q.Properties.RequiresDuplicateDetection,
		"duplicateDetectionHistoryTimeWindow": text(q.Properties.DuplicateDetectionHistoryTimeWindow),
	} {
		if template[name] != want {
			t.Errorf("queue %s: %s is %v in the template, %v in the file", q.Name, name, template[name], want)
		}
	}
}
