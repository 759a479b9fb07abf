package scenarios

import "time"

// All returns the nineteen scenarios in their order.
func All() []Scenario {
	return []Scenario{
		{
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
		},
		{
			Slug:     "ordernotify",
			Title:    "Order fan-out",
			Question: "When a customer places an order, send an email AND update inventory — reliably, even if one service is down.",
			Draft:    true,
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
			},
			Target: Target{Rate: 200, Unit: "orders", P99: 100 * time.Millisecond, Duration: time.Minute, WarmUp: 10 * time.Second, Records: 100},
			Drills: []Drill{
				{
					Name: "deploy", Shows: "every process of the four roles is replaced by its next version, which sends an attribute more: no order fails and none is lost",
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
					Name: "email-killed", Shows: "an email process is killed with mails under way: at most those go out twice",
					Lasts: 10 * time.Second, Recovery: 5 * time.Second,
				},
				{
					Name: "ses-lost", Shows: "answers of SES are lost after it accepted the mail: those mails alone go out twice, and the report names them",
					Lasts: 15 * time.Second, Recovery: 5 * time.Second, Servers: []string{"aws"}, Operations: []string{"SendEmail"},
				},
				{
					Name: "topic-throttled", Shows: "the topic takes nothing for 15 s: orders are accepted as before and wait in the outbox",
					Lasts: 15 * time.Second, Recovery: 15 * time.Second, Servers: []string{"aws"}, Operations: []string{"PublishBatch"},
				},
				{Name: "hot-product", Shows: "all orders are for one product: its row is the bottleneck, and the target holds"},
			},
		},
		{Slug: "imageresize", Title: "Image pipeline", Cloud: "AWS", Question: "Users upload images to S3. A pipeline resizes them to 3 sizes without blocking the upload response."},
		{Slug: "inventorysync", Title: "Inventory sync", Cloud: "AWS", Question: "A warehouse uploads a CSV to S3 every hour. Three downstream systems (pricing, search, analytics) each need the changes — at their own pace, without blocking each other."},
		{Slug: "webhooks", Title: "Webhook intake", Cloud: "Google Cloud", Question: "A SaaS app receives webhooks that must be accepted instantly and processed asynchronously on Google Cloud."},
		{Slug: "orderprocessor", Title: "Order spikes", Cloud: "Azure", Question: "Accept orders at any rate and process them reliably on Azure, even during traffic spikes."},
		{Slug: "edgeapi", Title: "JSON API at the edge", Cloud: "Cloudflare", Question: "Serve a low-latency JSON API from the edge, backed by a serverless SQLite database."},
		{Slug: "fraud", Title: "Fraud scoring", Cloud: "AWS", Question: "Flag suspicious orders in real time without blocking the checkout flow. High traffic: 500 orders/s at peak."},
		{
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
					Operations: []string{"TransactWriteItems", "EVAL*"},
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
		},
		{Slug: "checkout", Title: "Black Friday checkout", Cloud: "AWS", Question: "Your checkout service hammers RDS with Lambda connections and crashes on Black Friday. Fix it without touching the schema."},
		{Slug: "autoscaling", Title: "Autoscaling a web app", Cloud: "AWS", Question: "A traditional web app on EC2 fails under 10× traffic spikes. Redesign it to scale automatically without over-provisioning."},
		{Slug: "pubsubdlq", Title: "Poison on Pub/Sub", Cloud: "Google Cloud", Question: "A poison message is being redelivered forever and stalling your Pub/Sub subscriber. Make the pipeline resilient."},
		{Slug: "servicebusdlq", Title: "Poison on Service Bus", Cloud: "Azure", Question: "Repeatedly-failing messages are clogging your Service Bus queue. Quarantine them and stop double-processing."},
		{Slug: "edgeuploads", Title: "Uploads at the edge", Cloud: "Cloudflare", Question: "Accept uploads at the edge, queue background processing, and store results durably with zero egress fees."},
		{Slug: "edgeroom", Title: "Live room at the edge", Cloud: "Cloudflare", Question: "Run a live, strongly-consistent counter (or chat room) at the edge while serving config from a fast, eventually-consistent cache."},
		{Slug: "failover", Title: "Region failover", Cloud: "AWS", Question: "A region-wide AWS outage would take your API completely offline. Design for RTO < 1 min and RPO < 5 seconds."},
		{Slug: "nightlybatch", Title: "Nightly batch", Cloud: "AWS", Question: "Your nightly pipeline processes 50 GB of events and costs $800/month. Cut it to under $200 using the right AWS options — without changing the output."},
		{Slug: "cloudrunapi", Title: "Monolith to Cloud Run", Cloud: "Google Cloud", Question: "Migrate a monolith to a containerised API on GCP that autoscales and stays under 100ms at the read path."},
		{Slug: "mediatranscode", Title: "Media transcoding", Cloud: "Azure", Question: "Media uploaded to Blob Storage must be transcoded asynchronously and indexed — and survive a transcoder crash."},
	}
}
