package scenarios

import "time"

func edgeapi() Scenario {
	return Scenario{
		Slug:     "edgeapi",
		Title:    "JSON API at the edge",
		Question: "Serve a low-latency JSON API from the edge, backed by a serverless SQLite database.",
		Cloud:    "Cloudflare",
		Needs:    []string{"d1"},
		Template: "cloudflare/edgeapi/wrangler.jsonc",
		Roles: []Role{{
			Name: "worker", Count: 2, Worker: "cloudflare/edgeapi/wrangler.jsonc",
			Secrets: []string{"WRITE_TOKEN"},
			TryIt:   `curl -i {url}/api/items`,
		}},
		DrillRate: 100,
		// The load is half of what it can do, which is measured before; the rate here
		// is that of runs without clock.
		Target: Target{Rate: 300, Unit: "reads", P99: 25 * time.Millisecond, Duration: time.Minute, WarmUp: 10 * time.Second, Records: 2000},
		Drills: []Drill{
			{
				Name: "deploy", Shows: "each Worker process is replaced by the next version, which says more in its answers and in those it stores, while the other serves: no request fails",
			},
			{
				Name: "overload", Shows: "twice of what is admitted arrives for 20 s: what is admitted is served, the rest gets 503 with Retry-After at once",
				// 130 for each of two, of which reads get 200: writes are repeated until they are
				// admitted, and acknowledged ones are looked for.
				Lasts: 20 * time.Second, Recovery: 2 * time.Second, Admits: 200, Env: map[string]string{"ADMIT_PER_SECOND": "130"},
			},
			{
				Name: "lostack", Shows: "answers of D1 are lost after it committed the batch: writes are repeated with their key, get their first answer, and happen once",
				Lasts: 10 * time.Second, Recovery: 5 * time.Second, Servers: []string{"d1"}, Operations: []string{"INSERT"},
			},
			{
				Name: "freeze", Shows: "a Worker process stands still with writes under way, then goes on: others have written meanwhile, and what it still holds is refused or answered as the first time",
				Lasts: 15 * time.Second, Recovery: 5 * time.Second, Role: "worker",
			},
			{
				Name: "outage", Shows: "D1 stands still: what is cached is served until it is 10 s old, the rest is refused, no write is lost or doubled",
				Lasts: 15 * time.Second, Recovery: 5 * time.Second, Servers: []string{"d1"},
			},
			{
				Name: "race", Shows: "two writers change the same version through two colos, 1,000 times: one wins, one gets 412, and both get that answer again",
				Lasts: 25 * time.Second, Recovery: 2 * time.Second,
			},
			{
				Name: "killed", Shows: "workerd is killed between D1's commit and the answer, five times: the repeated write gets its first answer from the other process",
				Lasts: 20 * time.Second, Recovery: 5 * time.Second, Servers: []string{"d1"}, Operations: []string{"INSERT"},
			},
			{
				Name: "migration", Shows: "the schema expands, both processes are replaced by the version that uses it, and the schema contracts, under load: no request fails",
				Lasts: 10 * time.Second, Recovery: 2 * time.Second,
			},
			{
				Name: "overloaded", Shows: "D1 refuses everything as overloaded: what is cached is served, the rest gets 503 with Retry-After, nothing is lost",
				Lasts: 10 * time.Second, Recovery: 2 * time.Second, Servers: []string{"d1"}, Operations: []string{"INSERT"},
			},
		},
	}
}
