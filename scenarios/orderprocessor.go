package scenarios

import "time"

func orderprocessor() Scenario {
	table := map[string]string{"ORDERS_QUEUE": "orderprocessor-orders", "ORDERS_TABLE": "orders"}
	return Scenario{
		Slug:     "orderprocessor",
		Title:    "Order spikes",
		Question: "Accept orders at any rate and process them reliably on Azure, even during traffic spikes.",
		Cloud:    "Azure",
		Needs:    []string{"servicebus", "tables"},
		Template: "azure/orderprocessor-entities.json",
		Roles: []Role{
			{
				Name: "intake", Count: 2, Env: table,
				TryIt: `curl -i {url}/api/orders -H 'Content-Type: application/json' -H 'Idempotency-Key: my-first-order-1' -d '{"customer":"anna","items":[{"sku":"cup","quantity":2,"price":450}]}'`,
			},
			{
				Name: "processor", Count: 2, Env: table, Secrets: []string{"ADMIN_TOKEN"},
				Scale: &Scale{Queue: "orderprocessor-orders", Messages: 250, Max: 4, Polling: 5 * time.Second, Cooldown: 20 * time.Second},
			},
		},
		Target:    Target{Rate: 50, Unit: "orders", P99: 100 * time.Millisecond, Duration: time.Minute, WarmUp: 10 * time.Second, Records: 500},
		DrillRate: 50,
		Drills: []Drill{
			{
				Name: "deploy", Shows: "every process of both roles is replaced by its next version, which sends a property more: no order fails and none is lost",
				Lasts: 20 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "overload", Shows: "twice of what is admitted arrives for 30 s: what is admitted is accepted, the rest gets 503 with Retry-After at once",
				Lasts: 30 * time.Second, Recovery: 5 * time.Second, Admits: 200, Env: map[string]string{"ADMIT_PER_SECOND": "100"},
			},
			{
				Name: "lostack", Shows: "answers of Table storage are lost after it did what it was asked: orders are applied again, and found done",
				Lasts: 15 * time.Second, Recovery: 5 * time.Second, Servers: []string{"tables"}, Operations: []string{"Transaction"},
			},
			{
				Name: "freeze", Shows: "a processor stands still for longer than its sessions' locks, then goes on: others have processed its orders, and it changes nothing",
				Lasts: 25 * time.Second, Recovery: 5 * time.Second, Role: "processor",
			},
			{
				Name: "outage", Shows: "Table storage stands still for 2 min: every order is accepted as before and waits, and no healthy one is dead-lettered",
				Lasts: 2 * time.Minute, Recovery: 5 * time.Second, Servers: []string{"tables"},
			},
			{
				Name: "processor-killed", Shows: "a processor is killed with sessions in its hands: their orders come again when the connection is gone, and are processed once, in order",
				Lasts: 10 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "lock-lost", Shows: "a processor loses its sessions in the middle of its work: others process its orders or find them done, and when it wakes up it changes and completes nothing",
				Lasts: 25 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "broker-killed", Shows: "Service Bus is killed and comes back: orders get 503 or 504 meanwhile, and none that was acknowledged is lost",
				Lasts: 10 * time.Second, Recovery: 10 * time.Second,
			},
			{
				Name: "hog", Shows: "one customer sends as much as it may: the others' orders are processed as fast as before",
				Lasts: 20 * time.Second, Recovery: 5 * time.Second,
			},
		},
	}
}
