package scenarios

import "time"

func urlshortener() Scenario {
	return Scenario{
		Slug:     "urlshortener",
		Title:    "URL shortener",
		Question: "Design a URL shortener that handles 10,000 read requests per second with sub-10ms latency.",
		Cloud:    "AWS",
		Needs:    []string{"dynamodb", "redis"},
		Template: "aws/urlshortener.yaml",
		Roles: []Role{{
			Name:    "api",
			Count:   2,
			Env:     map[string]string{"LINKS_TABLE": "urlshortener-links", "STORE_READS_PER_SECOND": "150"},
			Secrets: []string{"CODE_KEY", "ADMIN_TOKEN"},
			TryIt:   `curl -i {url}/api/links -H 'Content-Type: application/json' -d '{"url":"https://go.dev/doc/"}'`,
		}},
		Target: Target{Rate: 10_000, Unit: "redirects", P99: 10 * time.Millisecond, Duration: time.Minute, WarmUp: 10 * time.Second, Records: 100_000},
		Drills: []Drill{
			{
				Name: "deploy", Shows: "each api process is replaced by the next version while the other serves, and both share the caches: no request fails",
			},
			{
				Name: "overload", Shows: "twice of what is admitted arrives for 30 s: what is admitted is served, the rest gets 503 with Retry-After at once",
				Lasts: 30 * time.Second, Recovery: 2 * time.Second, Admits: 4000, Env: map[string]string{"ADMIT_PER_SECOND": "2000"},
			},
			{
				Name: "lostack", Shows: "answers of Redis and DynamoDB are lost after they did what they were asked: repeated creations and deletions happen once",
				Lasts: 20 * time.Second, Recovery: 2 * time.Second, Servers: []string{"dynamodb", "redis"},
				Operations: []string{"TransactWriteItems", "UpdateItem", "SET", "EVAL*", "INCRBY"},
			},
			{
				Name: "freeze", Shows: "an api process stands still for longer than the barrier of a deletion lives, then goes on: no deleted link comes back",
				Lasts: 70 * time.Second, Recovery: 5 * time.Second, Role: "api",
			},
			{
				Name: "outage", Shows: "Redis and DynamoDB stand still together: links in memory are served until their bound, no acknowledged link is lost",
				Lasts: 20 * time.Second, Recovery: 10 * time.Second, Servers: []string{"dynamodb", "redis"},
			},
			{
				Name: "redis-down", Shows: "Redis is killed and comes back: at least 80 % of the reads are served below 10 ms, store reads stay capped, the rest get 503 with Retry-After",
				Lasts: 20 * time.Second, Recovery: 10 * time.Second,
			},
			{
				Name: "dynamodb-paused", Shows: "DynamoDB stands still for 10 s: cached links are served, creations wait or are refused, none is lost",
				Lasts: 10 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "flood", Shows: "distinct unknown codes and aliases arrive at full rate: store reads stay under their cap, known links are served",
				Lasts: 20 * time.Second, Recovery: 2 * time.Second,
			},
			{Name: "viral", Shows: "one link takes all the traffic on cold caches: one read of the store per process"},
		},
	}
}
