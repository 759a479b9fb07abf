package scenarios

import "time"

func leaderboard() Scenario {
	return Scenario{
		Slug:     "leaderboard",
		Title:    "Leaderboard",
		Question: "A gaming leaderboard that serves 50,000 reads/s but only ~100 writes/s. Cost must be minimised.",
		Cloud:    "AWS",
		Needs:    []string{"dynamodb", "redis"},
		Template: "aws/leaderboard.yaml",
		Roles: []Role{
			{
				Name:    "api",
				Count:   2,
				Env:     map[string]string{"PLAYERS_TABLE": "leaderboard-players", "KEYS_TABLE": "leaderboard-keys", "GOMAXPROCS": "1", "GOGC": "400"},
				Secrets: []string{"ADMIN_TOKEN"},
				TryIt:   `curl -i {url}/api/scores -H 'Content-Type: application/json' -d '{"player":"ann","name":"Ann","score":1200}' && sleep 1 && curl -i {url}/api/pages/1`,
			},
			{Name: "before", Count: 1},
		},
		Target: Target{Rate: 50_000, Unit: "reads", P99: 20 * time.Millisecond, Duration: time.Minute, WarmUp: 10 * time.Second, Records: 100_000},
		// One process must be able to carry what two did: at 50,000/s two cores have no room for that.
		DrillRate: 30_000,
		Drills: []Drill{
			{
				Name: "deploy", Shows: "each process is replaced by the next version, which stores one attribute more, while the other serves: no request fails",
			},
			{
				Name: "overload", Shows: "twice of what is admitted arrives for 30 s: what is admitted is served, the rest gets 503 with Retry-After at once",
				Lasts: 30 * time.Second, Recovery: 2 * time.Second, Admits: 10_000, Env: map[string]string{"ADMIT_PER_SECOND": "5000"},
			},
			{
				Name: "lostack", Shows: "answers of DynamoDB and Redis are lost after they did what they were asked: each submission is recorded once, each number given once",
				Lasts: 20 * time.Second, Recovery: 5 * time.Second, Servers: []string{"dynamodb", "redis"},
				Operations: []string{"TransactWriteItems", "EVALSHA leaderboard"},
			},
			{
				Name: "freeze", Shows: "an api process stands still for longer than the keeper's lease, then goes on: nothing that it still does takes the board back",
				Lasts: 20 * time.Second, Recovery: 5 * time.Second, Role: "api",
			},
			{
				Name: "outage", Shows: "Redis and DynamoDB stand still together: pages are served, marked stale; submissions wait or are refused, none is lost",
				Lasts: 20 * time.Second, Recovery: 5 * time.Second, Servers: []string{"dynamodb", "redis"},
			},
			{
				Name: "redis-down", Shows: "Redis dies between truth and view and comes back: pages are served, marked stale, and no acknowledged score is missing after it",
				Lasts: 20 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "redis-emptied", Shows: "Redis loses everything, with 1,000,000 players by -records: pages are served, marked stale, while the view is rebuilt from the table",
				Lasts: 60 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "dynamodb-paused", Shows: "DynamoDB stands still for 10 s: reads go on, submissions wait or are refused, none is lost or doubled",
				Lasts: 10 * time.Second, Recovery: 5 * time.Second,
			},
		},
	}
}
