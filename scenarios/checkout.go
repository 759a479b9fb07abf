package scenarios

import "time"

func checkout() Scenario {
	return Scenario{
		Slug:     "checkout",
		Title:    "Black Friday checkout",
		Question: "Your checkout service hammers RDS with Lambda connections and crashes on Black Friday. Fix it without touching the schema.",
		Cloud:    "AWS",
		Needs:    []string{"aws", "postgres", "pgbouncer"},
		Template: "aws/checkout.yaml",
		Roles: []Role{
			{Name: "payments", Count: 1, StandIn: true},
			{Name: "worker", Count: 2, Env: map[string]string{"CARTS_QUEUE": "checkout-carts"}, Calls: map[string]string{"PAYMENTS_URL": "payments"}},
			{
				Name: "checkout", Count: 2, Env: map[string]string{"CARTS_QUEUE": "checkout-carts", "GOMAXPROCS": "1"}, Calls: map[string]string{"PAYMENTS_URL": "payments"},
				Lambda: &Lambda{Concurrency: 400, Provisioned: 200, Timeout: 5 * time.Second, Idle: 20 * time.Second},
				TryIt:  `curl -i {url}/api/checkouts -H 'Content-Type: application/json' -H 'Idempotency-Key: my-first-cart-0001' -d '{"customer":"ada","items":[{"product":"espresso-cup","quantity":2}]}'`,
			},
			{
				Name: "overflow", Count: 2, Env: map[string]string{"CARTS_QUEUE": "checkout-carts", "GOMAXPROCS": "1"},
				Lambda: &Lambda{Concurrency: 20, Provisioned: 10, Timeout: 5 * time.Second, Idle: 20 * time.Second},
			},
			{
				Name: "before", Count: 1, Before: true, Env: map[string]string{"GOMAXPROCS": "1"}, Calls: map[string]string{"PAYMENTS_URL": "payments"},
				Lambda: &Lambda{Concurrency: 500, Timeout: 5 * time.Second, Idle: 8 * time.Second},
			},
		},
		// What arrives waits for the provider: 250 ms in the median, 800 ms at p99.
		Target:    Target{Rate: 150, Unit: "checkouts", P99: 1300 * time.Millisecond, Duration: time.Minute, WarmUp: 10 * time.Second, Records: 1000},
		DrillRate: 60,
		Drills: []Drill{
			{
				Name: "deploy", Shows: "every host and worker is replaced by its next version, which answers with a field more: no checkout fails and none is lost",
				Lasts: 40 * time.Second,
			},
			{
				Name: "overload", Shows: "twice of what the function may do at once arrives for 30 s: what it has no environment for is queued and gets 202, and is sold when the peak is over",
				Lasts: 30 * time.Second, Recovery: 5 * time.Second, Admits: 40, Queues: true, Env: map[string]string{"CONCURRENCY": "12", "PROVISIONED": "12"},
			},
			{
				Name: "lostack", Shows: "answers of the pooler are lost after it did what it was asked: the statements are repeated, and nothing happens twice",
				Lasts: 15 * time.Second, Recovery: 5 * time.Second,
				Servers: []string{"pgbouncer"}, Operations: []string{"SELECT", "UPDATE checkout.*"},
			},
			{
				Name: "freeze", Shows: "a worker stands still for longer than the visibility of its messages, then goes on: others have sold its carts, and it changes nothing",
				Lasts: 25 * time.Second, Recovery: 5 * time.Second, Role: "worker",
				Env: map[string]string{"VISIBILITY": "5s", "CONCURRENCY": "16", "PROVISIONED": "16"}, // some carts are queued all the time
			},
			{
				Name: "outage", Shows: "PostgreSQL stands still for longer than maxReceiveCount × visibility: carts are queued, and no healthy one is dead-lettered",
				Lasts: 20 * time.Second, Recovery: 15 * time.Second, Servers: []string{"postgres"}, Env: map[string]string{"VISIBILITY": "1s"},
			},
			{
				Name: "pooler-killed", Shows: "PgBouncer is killed and comes back after 5 s: carts are queued meanwhile, and all connect at once",
				Lasts: 5 * time.Second, Recovery: 10 * time.Second,
			},
			{
				Name: "postgres-restarted", Shows: "PostgreSQL is killed and started again: the pooler reconnects, the environments do not notice",
				Lasts: 5 * time.Second, Recovery: 10 * time.Second,
			},
			{
				Name: "deadlocks", Shows: "a report locks hot products in the wrong order: the victims of the deadlocks are repeated, and nobody is told",
				Lasts: 15 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "provider-slow", Shows: "the provider takes ten times as long: what it does not answer in time stays pending with 202, no connection waits with it",
				Lasts: 15 * time.Second, Recovery: 15 * time.Second,
			},
			{
				Name: "provider-silent", Shows: "half of the charges are made and not answered: each order ends paid, and no card is charged twice",
				Lasts: 15 * time.Second, Recovery: 15 * time.Second,
			},
		},
	}
}
