package scenarios

import "time"

func ordernotify() Scenario {
	return Scenario{
		Slug:     "ordernotify",
		Title:    "Order fan-out",
		Question: "When a customer places an order, send an email AND update inventory — reliably, even if one service is down.",
		Cloud:    "AWS",
		Needs:    []string{"aws", "postgres"},
		Template: "aws/ordernotify.yaml",
		Roles: []Role{
			{
				Name: "api", Count: 2, Secrets: []string{"ADMIN_TOKEN"},
				TryIt: `curl -i {url}/api/orders -H 'Content-Type: application/json' -d '{"product":"espresso-cup","quantity":2,"email":"ada@example.com"}'`,
			},
			{
				Name: "relay", Count: 2,
				Env: map[string]string{"EVENTS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:ordernotify-events"},
			},
			{
				Name: "email", Count: 2,
				Env: map[string]string{
					"EMAIL_QUEUE": "ordernotify-email", "SES_EVENTS_QUEUE": "ordernotify-ses-events",
					"MAIL_FROM": "orders@shop.example", "CONFIGURATION_SET": "ordernotify",
				},
			},
			{
				Name: "inventory", Count: 2,
				Env: map[string]string{"INVENTORY_QUEUE": "ordernotify-inventory"},
			},
			{
				Name: "sesstandin", Count: 1, // for SES's own events: the emulator sends none
				Env: map[string]string{
					"SES_EVENTS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:ordernotify-ses-events", "CONFIGURATION_SET": "ordernotify",
				},
			},
		},
		Target: Target{Rate: 200, Unit: "orders", P99: 100 * time.Millisecond, Duration: time.Minute, WarmUp: 10 * time.Second, Records: 100},
		// At 200/s the machine is three quarters busy, and a backlog of 20 s would take
		// more than a minute.
		DrillRate: 100,
		Drills: []Drill{
			{
				Name: "deploy", Shows: "every process of the roles is replaced by its next version, which sends an attribute more: no order fails and none is lost",
				Lasts: 45 * time.Second,
			},
			{
				Name: "overload", Shows: "twice of what is admitted arrives for 30 s: what is admitted is served, the rest gets 503 with Retry-After at once",
				Lasts: 30 * time.Second, Recovery: 2 * time.Second, Admits: 200, Env: map[string]string{"ADMIT_PER_SECOND": "100"},
			},
			{
				Name: "lostack", Shows: "answers of PostgreSQL, SNS and SQS are lost after they did what they were asked: orders are repeated with their key, messages come again, nothing happens twice",
				Lasts: 15 * time.Second, Recovery: 10 * time.Second,
				Servers: []string{"aws", "postgres"}, Operations: []string{"COMMIT", "PublishBatch", "DeleteMessageBatch", "INSERT decisions", "UPDATE mails"},
			},
			{
				Name: "freeze", Shows: "an inventory process stands still for longer than the visibility of its messages, then goes on: others have decided, and it changes nothing",
				Lasts: 25 * time.Second, Recovery: 5 * time.Second, Role: "inventory", Env: map[string]string{"VISIBILITY": "10s"},
			},
			{
				Name: "outage", Shows: "PostgreSQL stands still for longer than maxReceiveCount × visibility: orders are refused, and no healthy message is dead-lettered",
				Lasts: 25 * time.Second, Recovery: 10 * time.Second, Servers: []string{"postgres"}, Env: map[string]string{"VISIBILITY": "1s"},
			},
			{
				Name: "inventory-down", Shows: "both inventory processes are killed and come back after 20 s: the first mail goes out as before, then the stock catches up, and its mails delay others for a few seconds",
				Lasts: 20 * time.Second, Recovery: 15 * time.Second,
			},
			{
				Name: "email-killed", Shows: "an email process is killed with mails under way: none but those may go out twice, and SES's own events prevent most",
				Lasts: 10 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "ses-lost", Shows: "answers of SES are lost after it accepted the mail: SES's own events say so; none but those mails may go out twice, and the report names each",
				Lasts: 15 * time.Second, Recovery: 5 * time.Second, Servers: []string{"aws"}, Operations: []string{"SendEmail"},
			},
			{
				Name: "topic-throttled", Shows: "the topic takes nothing for 15 s: orders are accepted as before and wait in the outbox",
				Lasts: 15 * time.Second, Recovery: 15 * time.Second, Servers: []string{"aws"}, Operations: []string{"PublishBatch ordernotify-events"},
			},
			{Name: "hot-product", Shows: "all orders are for one product: its row is the bottleneck, and the target holds"},
		},
	}
}
