package scenarios

import "time"

func edgeroom() Scenario {
	return Scenario{
		Slug:     "edgeroom",
		Title:    "Live room at the edge",
		Question: "Run a live, strongly-consistent counter (or chat room) at the edge while serving config from a fast, eventually-consistent cache.",
		Cloud:    "Cloudflare",
		Roles: []Role{{
			// One process: an object is one in the world, and two would be two worlds.
			Name: "worker", Count: 1, Worker: "cloudflare/edgeroom/wrangler.jsonc",
			Env: map[string]string{"KILL": "on"}, Secrets: []string{"WRITE_TOKEN"},
			TryIt: `curl -i -X POST -H 'Idempotency-Key: first' {url}/api/counters/visits/increments`,
		}},
		DrillRate: 150, // what a drill is about is not how much there can be
		Target:    Target{Rate: 300, Unit: "increments", P99: 100 * time.Millisecond, Duration: time.Minute, WarmUp: 10 * time.Second, Records: 100},
		Drills: []Drill{
			{
				Name: "deploy", Shows: "the one process is replaced by the next version, which keeps and says more: callers repeat what was not answered meanwhile, and no request fails",
				Recovery: 5 * time.Second,
			},
			{
				Name: "overload", Shows: "twice of what the counter admits arrives for 20 s: what is admitted is counted, the rest gets 503 with Retry-After at once, and the room goes on",
				Lasts: 20 * time.Second, Recovery: 2 * time.Second, Admits: 200, Env: map[string]string{"ADMIT_PER_SECOND": "200"},
			},
			{
				Name: "lostack", Shows: "answers of the counter's object are lost on their way to the Worker after it committed: increments are repeated with their key, get their first answer, and count once",
				Lasts: 10 * time.Second, Recovery: 5 * time.Second, Bindings: []string{"COUNTERS"},
			},
			{
				Name: "outage", Shows: "KV stands still: the settings are as old as they are, and say so; counter and room go on as if nothing were",
				Lasts: 15 * time.Second, Recovery: 2 * time.Second, Bindings: []string{"SETTINGS"},
			},
			{
				Name: "freeze", Shows: "the Worker process stands still with increments and messages under way, then goes on: nothing is lost or counted twice",
				Lasts: 10 * time.Second, Recovery: 5 * time.Second, Role: "worker",
			},
			{
				Name: "killed", Shows: "workerd is killed with messages on their way to the members, three times: members come back and get what they missed, once and in sequence",
				Lasts: 20 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "slow", Shows: "a member reads nothing: it is closed before its messages pile up, comes back and gets what it missed, and the others wait for nothing",
				Lasts: 45 * time.Second, Recovery: 2 * time.Second,
			},
			{
				Name: "storm", Shows: "all members lose their connections at once and come back at once",
				Lasts: 5 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "colos", Shows: "one of two colos hears later of what is written to KV (stand-in): settings step back and say which version they are; counter and room go on as if nothing were",
				Lasts: 20 * time.Second, Recovery: 2 * time.Second, Bindings: []string{"SETTINGS"},
			},
			{
				Name: "clock", Shows: "clocks of members are a day fast or slow: messages are where and when they were said, and everybody stays present",
				Lasts: 40 * time.Second, Recovery: 2 * time.Second,
			},
		},
	}
}
