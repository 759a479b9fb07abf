package scenarios

import "time"

func pubsubdlq() Scenario {
	return Scenario{
		Slug:     "pubsubdlq",
		Title:    "Poison on Pub/Sub",
		Question: "A poison message is being redelivered forever and stalling your Pub/Sub subscriber. Make the pipeline resilient.",
		Cloud:    "Google Cloud",
		Needs:    []string{"pubsub", "postgres"},
		Template: "gcp/pubsubdlq.json",
		Roles: []Role{
			{
				Name: "publisher", Count: 2, Env: map[string]string{"EVENTS_TOPIC": "pubsubdlq-events"},
				TryIt: `curl -i {url}/api/usage -H 'Content-Type: application/json' -d '{"account":"acme","data":{"units":3}}'`,
			},
			{
				Name: "subscriber", Count: 2, Secrets: []string{"ADMIN_TOKEN"},
				Env: map[string]string{"EVENTS_SUBSCRIPTION": "pubsubdlq-subscriber", "DEAD_TOPIC": "pubsubdlq-dead"},
			},
			{
				Name: "deadletters", Count: 2, Secrets: []string{"ADMIN_TOKEN"},
				Env: map[string]string{"DEAD_SUBSCRIPTION": "pubsubdlq-dead", "EVENTS_TOPIC": "pubsubdlq-events"},
			},
			{
				Name: "before", Count: 1, Before: true, Secrets: []string{"ADMIN_TOKEN"},
				Env: map[string]string{"EVENTS_SUBSCRIPTION": "pubsubdlq-before"},
			},
		},
		Target: Target{Rate: 1000, Unit: "events", P99: 50 * time.Millisecond, Duration: time.Minute, WarmUp: 10 * time.Second, Records: 1000},
		Drills: []Drill{
			{
				Name: "deploy", Shows: "every process is replaced by its next version, which sends an attribute more: no event fails and none is lost",
				Lasts: 40 * time.Second,
			},
			{
				Name: "overload", Shows: "twice of what is admitted arrives for 30 s: what is admitted is served, the rest gets 503 with Retry-After at once",
				Lasts: 30 * time.Second, Recovery: 2 * time.Second, Admits: 1000, Env: map[string]string{"ADMIT_PER_SECOND": "500"},
			},
			{
				Name: "lostack", Shows: "answers of Pub/Sub and PostgreSQL are lost after they did what they were asked: events are published and delivered again, nothing is charged twice",
				Lasts: 15 * time.Second, Recovery: 20 * time.Second,
				Servers: []string{"pubsub", "postgres"}, Operations: []string{"Publish", "Acknowledge", "COMMIT"},
			},
			{
				Name: "freeze", Shows: "a subscriber stands still for longer than its leases, then goes on: others have charged, and it changes nothing",
				Lasts: 25 * time.Second, Recovery: 5 * time.Second, Role: "subscriber",
			},
			{
				Name: "outage", Shows: "PostgreSQL stands still for longer than all attempts of a message take: events are accepted, and no healthy one is dead-lettered",
				Lasts: 20 * time.Second, Recovery: 30 * time.Second, Servers: []string{"postgres"},
			},
			{
				Name: "subscriber-killed", Shows: "a subscriber is killed with messages held: the other has them when their leases end",
				Lasts: 15 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "burst", Shows: "for 2 s every event is poison of all kinds: the healthy ones behind it are charged as before",
				Lasts: 2 * time.Second, Recovery: 10 * time.Second,
			},
			{
				Name: "no-subscription", Shows: "the dead-letter topic loses its subscription: a subscriber that starts then refuses to",
				Lasts: 5 * time.Second, Recovery: 2 * time.Second,
			},
			{
				Name: "redrive-twice", Shows: "dead letters are sent to the consumer while it is still broken: the redrive stops by itself; mended and asked for twice, each is charged once",
				Lasts: 45 * time.Second, Recovery: 2 * time.Second,
			},
		},
	}
}
