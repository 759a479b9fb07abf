package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/config"
)

const sample = `{
  // the one namespace
  "UserConfig": {
    "Namespaces": [{
      "Name": "sbemulatorns",
      "Queues": [{"Name": "queue.1", "Properties": {
        "DeadLetteringOnMessageExpiration": true, "DefaultMessageTimeToLive": "PT1H", "DuplicateDetectionHistoryTimeWindow": "PT20S",
        "ForwardDeadLetteredMessagesTo": "", "ForwardTo": "", "LockDuration": "PT30S", "MaxDeliveryCount": 5,
        "RequiresDuplicateDetection": true, "RequiresSession": false
      }}, {"Name": "plain"}],
      /* topics
         follow */
      "Topics": [{"Name": "topic.1", "Properties": {"DefaultMessageTimeToLive": "PT1H"}, "Subscriptions": [
        {"Name": "all"},
        {"Name": "some", "Rules": [
          {"Name": "c", "Properties": {"FilterType": "Correlation", "CorrelationFilter": {"ContentType": "application/text // no comment", "Properties": {"n": 5}}}},
          {"Name": "s", "Properties": {"FilterType": "Sql", "SqlFilter": {"SqlExpression": "sys.MessageId = '123456' AND userProp1 = 'value1'"}, "Action": {"SqlExpression": "SET sys.To = 'Entity'"}}}
        ]}
      ]}]
    }],
    "Logging": {"Type": "File"}
  }
}`

func TestTheSampleOfTheEmulatorIsUnderstood(t *testing.T) {
	ns, err := config.Parse(strings.NewReader(sample))
	if err != nil {
		t.Fatal(err)
	}
	b := broker.New(broker.Options{})
	for range 2 { // the second time everything is there
		if err := ns.Apply(b); err != nil {
			t.Fatal(err)
		}
	}
	q, err := b.Describe("queue.1")
	if err != nil {
		t.Fatal(err)
	}
	if s := q.Settings; !s.DeadLetterOnExpiration || s.DefaultTTL != time.Hour || s.DuplicateWindow != 20*time.Second || s.LockDuration != 30*time.Second || s.MaxDeliveryCount != 5 {
		t.Errorf("settings %+v", s)
	}
	plain, err := b.Describe("plain")
	if err != nil {
		t.Fatal(err)
	}
	if s := plain.Settings; s.MaxDeliveryCount != 3 || s.DefaultTTL != time.Hour || s.LockDuration != time.Minute || s.DuplicateWindow != 0 {
		t.Errorf("defaults %+v", s)
	}
	rules, err := b.Rules("topic.1/subscriptions/some")
	if err != nil || len(rules) != 2 {
		t.Fatalf("rules %+v, %v", rules, err)
	}
	c := rules[0].Filter.Correlation
	if c.System["contenttype"] != "application/text // no comment" || c.User["n"] != int64(5) {
		t.Errorf("correlation %+v", c)
	}
	if rules[1].Action != "SET sys.To = 'Entity'" {
		t.Errorf("action %q", rules[1].Action)
	}
	if rules, _ := b.Rules("topic.1/subscriptions/all"); len(rules) != 1 || rules[0].Filter.Kind != broker.TrueFilter {
		t.Errorf("rules of a subscription without any: %+v", rules)
	}
}

func TestAFaultyConfigurationIsAnError(t *testing.T) {
	wrap := func(inside string) string { return `{"UserConfig":{"Namespaces":[` + inside + `]}}` }
	for name, text := range map[string]string{
		"no JSON":               "x",
		"no namespace":          wrap(""),
		"two namespaces":        wrap(`{"Name":"a"},{"Name":"b"}`),
		"a misspelt property":   wrap(`{"Queues":[{"Name":"q","Properties":{"LockDuraton":"PT1M"}}]}`),
		"a wrong duration":      wrap(`{"Queues":[{"Name":"q","Properties":{"LockDuration":"1m"}}]}`),
		"a wrong name":          wrap(`{"Queues":[{"Name":"-"}]}`),
		"a filter without type": wrap(`{"Topics":[{"Name":"t","Subscriptions":[{"Name":"s","Rules":[{"Name":"r","Properties":{}}]}]}]}`),
		"a filter that is none": wrap(`{"Topics":[{"Name":"t","Subscriptions":[{"Name":"s","Rules":[{"Name":"r","Properties":{"FilterType":"Sql","SqlFilter":{"SqlExpression":"a ="}}}]}]}]}`),
		"too much":              strings.Repeat(" ", 5<<20),
	} {
		if _, err := config.Parse(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDurationsAreReadAndWritten(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"PT1M": time.Minute, "PT30S": 30 * time.Second, "P1D": 24 * time.Hour, "P1DT2H3M4.5S": 26*time.Hour + 3*time.Minute + 4500*time.Millisecond,
		config.Forever: 0,
	} {
		got, err := config.ParseDuration(text)
		if err != nil || got != want || config.FormatDuration(got) != text {
			t.Errorf("%s: %s, %v, written %s", text, got, err, config.FormatDuration(got))
		}
	}
	for _, text := range []string{"", "P", "PT", "1M", "P1H", "PT1", "-PT1S", "P1DT"} {
		if _, err := config.ParseDuration(text); err == nil {
			t.Errorf("%q is a duration", text)
		}
	}
}
