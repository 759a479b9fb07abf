package scenarios

import "time"

func servicebusdlq() Scenario {
	queues := map[string]string{"PAYMENTS_QUEUE": "servicebusdlq-payments", "ORDERED_QUEUE": "servicebusdlq-ordered"}
	with := func(more map[string]string) map[string]string {
		for name, value := range queues {
			more[name] = value
		}
		return more
	}
	return Scenario{
		Slug:     "servicebusdlq",
		Title:    "Poison on Service Bus",
		Question: "Repeatedly-failing messages are clogging your Service Bus queue. Quarantine them and stop double-processing.",
		Cloud:    "Azure",
		Needs:    []string{"servicebus", "tables"},
		Template: "azure/servicebusdlq-entities.json",
		Roles: []Role{
			{
				Name: "producer", Count: 2, Env: queues,
				TryIt: `curl -i {url}/api/payments -H 'Content-Type: application/json' -d '{"account":"acme","data":{"amount":450}}'`,
			},
			{Name: "processor", Count: 2, Secrets: []string{"ADMIN_TOKEN"}, Env: with(map[string]string{"PAYMENTS_TABLE": "payments"})},
			{
				Name: "quarantine", Count: 2, Secrets: []string{"ADMIN_TOKEN"},
				Env: with(map[string]string{"PAYMENTS_TABLE": "payments", "QUARANTINE_TABLE": "quarantine"}),
			},
			{
				Name: "before", Count: 1, Before: true,
				Env: map[string]string{"PAYMENTS_QUEUE": "servicebusdlq-before", "PAYMENTS_TABLE": "before"},
			},
		},
		Target:    Target{Rate: 200, Unit: "payments", P99: 100 * time.Millisecond, Duration: time.Minute, WarmUp: 10 * time.Second, Records: 500},
		DrillRate: 50,
		Drills: []Drill{
			{
				Name: "deploy", Shows: "every process is replaced by its next version, which sends a property more: no payment fails and none is lost",
				Lasts: 30 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "overload", Shows: "twice of what is admitted arrives for 30 s: what is admitted is accepted, the rest gets 503 with Retry-After at once",
				Lasts: 30 * time.Second, Recovery: 5 * time.Second, Admits: 200, Env: map[string]string{"ADMIT_PER_SECOND": "100"},
			},
			{
				Name: "lostack", Shows: "answers of Table storage are lost after it did what it was asked: payments are booked again, and found done",
				Lasts: 15 * time.Second, Recovery: 5 * time.Second, Servers: []string{"tables"}, Operations: []string{"Transaction"},
			},
			{
				Name: "freeze", Shows: "a processor stands still for longer than its locks, then goes on: others have booked its payments, and it changes nothing",
				Lasts: 25 * time.Second, Recovery: 5 * time.Second, Role: "processor",
			},
			{
				Name: "outage", Shows: "Table storage stands still for longer than all attempts of a message take: payments are accepted, and nothing healthy is quarantined",
				Lasts: 30 * time.Second, Recovery: 10 * time.Second, Servers: []string{"tables"},
			},
			{
				Name: "lock-lost", Shows: "all processors stand still, for longer than the locks, with messages on their way to them: what they handle and complete then is not theirs any more, comes again, and is booked once",
				Lasts: 25 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "ordered", Shows: "poison in a queue with sessions: the account's other payments pass in their order, and the letters come from its dead-letter queue and go back with their session",
				Lasts: 15 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "burst", Shows: "for 2 s every payment is poison of all kinds: the healthy ones behind it are booked as before",
				Lasts: 2 * time.Second, Recovery: 10 * time.Second,
			},
			{
				Name: "resubmit-twice", Shows: "letters go to a processor that is still broken: the canary dies and the rest stays; mended and asked for twice, each is booked once",
				Lasts: 30 * time.Second, Recovery: 5 * time.Second,
			},
		},
	}
}
