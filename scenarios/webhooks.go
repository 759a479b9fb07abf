package scenarios

import "time"

func webhooks() Scenario {
	return Scenario{
		Slug:     "webhooks",
		Title:    "Webhook intake",
		Question: "A SaaS app receives webhooks that must be accepted instantly and processed asynchronously on Google Cloud.",
		Cloud:    "Google Cloud",
		Needs:    []string{"postgres", "pubsub"},
		Template: "gcp/webhooks.json",
		Roles: []Role{
			{
				Name: "receiver", Count: 2, Secrets: []string{"PAYMENTS_KEY", "PAYMENTS_KEY_NEXT", "REPOS_KEY"},
				Env:   map[string]string{"EVENTS_TOPIC": "webhooks-events"},
				TryIt: `curl -i {url}/webhooks/payments -d '{}'`,
			},
			{
				Name: "processor", Count: 2,
				Env: map[string]string{
					"EVENTS_SUBSCRIPTION": "webhooks-processor", "DEAD_TOPIC": "webhooks-dead",
					"PUSH_AUDIENCE": "https://webhooks.example/push", "PUSH_ACCOUNT": "push@local.iam.gserviceaccount.com",
				},
			},
		},
		Target: Target{Rate: 1000, Unit: "events", P99: 50 * time.Millisecond, Duration: time.Minute, WarmUp: 10 * time.Second, Records: 1000},
		Drills: []Drill{
			{
				Name: "deploy", Shows: "every process of both roles is replaced by its next version, which sends an attribute more: no event fails and none is lost",
				Lasts: 20 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "overload", Shows: "twice of what is admitted arrives for 30 s: what is admitted is served, the rest gets 503 with Retry-After at once",
				Lasts: 30 * time.Second, Recovery: 2 * time.Second, Admits: 600, Env: map[string]string{"ADMIT_PER_SECOND": "300"},
			},
			{
				Name: "lostack", Shows: "answers of Pub/Sub and PostgreSQL are lost after they did what they were asked: events are published and delivered again, and applied once",
				Lasts: 15 * time.Second, Recovery: 5 * time.Second,
				Servers: []string{"pubsub", "postgres"}, Operations: []string{"Publish", "Acknowledge", "INSERT accounts*"},
			},
			{
				Name: "freeze", Shows: "a processor stands still for longer than its leases, then goes on: others have applied its events, and it changes nothing",
				Lasts: 25 * time.Second, Recovery: 5 * time.Second, Role: "processor",
			},
			{
				Name: "outage", Shows: "PostgreSQL stands still for 25 s: every event is accepted as before and waits, and no healthy one is dead-lettered",
				Lasts: 25 * time.Second, Recovery: 5 * time.Second, Servers: []string{"postgres"},
			},
			{
				Name: "processor-killed", Shows: "a processor is killed with events in its hands: they come again when their leases end, and are applied once",
				Lasts: 10 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "publish-fails", Shows: "Pub/Sub takes nothing for 10 s, so every key is blocked in the client: senders get 504 or 503, and all accounts go on afterwards, as fast as senders repeat: they pause for up to 6 s",
				Lasts: 10 * time.Second, Recovery: 10 * time.Second, Servers: []string{"pubsub"}, Operations: []string{"Publish"},
			},
			{
				Name: "key-rotated", Shows: "the sender changes to its next key, half-way signing with both: no event is refused",
				Lasts: 10 * time.Second, Recovery: 2 * time.Second,
			},
			{
				Name: "same-event", Shows: "every tenth event arrives ten times at once, through both processes: each is applied once",
				Lasts: 15 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "bad-signatures", Shows: "as many forged events as real ones: each is a 401, none has an effect, and the real ones are as fast as before",
				Lasts: 15 * time.Second, Recovery: 2 * time.Second,
			},
			{
				Name: "slow-bodies", Shows: "200 senders drip their bodies, and others send 10 MB: they are cut off or refused, and the others do not notice",
				Lasts: 15 * time.Second, Recovery: 2 * time.Second,
			},
			{
				Name: "replayed", Shows: "recorded events are sent again: old ones that sign their time are refused, the others accepted and applied once",
				Lasts: 10 * time.Second, Recovery: 2 * time.Second,
			},
		},
	}
}
