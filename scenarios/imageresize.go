package scenarios

import (
	"maps"
	"time"
)

func imageresize() Scenario {
	names := map[string]string{
		"UPLOADS_BUCKET": "imageresize-uploads", "RENDITIONS_BUCKET": "imageresize-renditions",
		"RECORDS_TABLE": "imageresize-records", "EVENTS_QUEUE": "imageresize-events",
	}
	niced := maps.Clone(names)
	niced["NICE"] = "10" // who resizes lets others go first
	return Scenario{
		Slug:     "imageresize",
		Title:    "Image pipeline",
		Question: "Users upload images to S3. A pipeline resizes them to 3 sizes without blocking the upload response.",
		Cloud:    "AWS",
		Needs:    []string{"aws", "dynamodb"},
		Template: "aws/imageresize.yaml",
		Roles: []Role{
			{
				Name: "api", Count: 2, Secrets: []string{"UPLOAD_ID_KEY"}, Env: names,
				TryIt: `curl -i {url}/api/uploads -H 'Content-Type: application/json' -d '{"name":"my photo.jpg","content_type":"image/jpeg"}'`,
			},
			{Name: "resize", Count: 2, Env: niced},
			{Name: "sweeper", Count: 2, Env: names},
		},
		Target: Target{Rate: 5, Unit: "uploads", P99: 250 * time.Millisecond, Duration: time.Minute, WarmUp: 8 * time.Second, Records: 200},
		Drills: []Drill{
			{
				Name: "deploy", Shows: "every process of the three roles is replaced by its next version, which records an attribute more: no upload fails and none is forgotten",
				Lasts: 40 * time.Second, Recovery: 5 * time.Second,
			},
			{
				Name: "overload", Shows: "twice of what is admitted arrives for 30 s: what is admitted is taken, the rest gets 503 with Retry-After at once",
				Lasts: 30 * time.Second, Recovery: 2 * time.Second, Admits: 12, Env: map[string]string{"ADMIT_PER_SECOND": "6"},
			},
			{
				Name: "lostack", Shows: "answers of S3, DynamoDB and SQS are lost after they did what they were asked: uploads are repeated, and each version ends once",
				Lasts: 10 * time.Second, Recovery: 15 * time.Second,
				Servers: []string{"aws", "dynamodb"}, Operations: []string{"PutObject", "PutItem", "DeleteMessageBatch"},
			},
			{
				Name: "freeze", Shows: "a resizer stands still for longer than the visibility of its messages, then goes on: others have recorded, and it changes nothing",
				Lasts: 15 * time.Second, Recovery: 10 * time.Second, Role: "resize", Env: map[string]string{"VISIBILITY": "6s"},
			},
			{
				Name: "outage", Shows: "DynamoDB stands still for longer than attempts × visibility: uploads go on, nothing is resized meanwhile, and no image is given up",
				// What came meanwhile, 20 s × arrival, is worked off beside what comes: with
				// a capacity of 2 × arrival that takes as long as the outage did.
				Lasts: 20 * time.Second, Recovery: 20 * time.Second, Servers: []string{"dynamodb"}, Env: map[string]string{"VISIBILITY": "2s"},
			},
			{
				Name: "resize-killed", Shows: "a resizer is killed in the middle of its images every 3 s, in turns: no image is lost",
				Lasts: 12 * time.Second, Recovery: 20 * time.Second, Env: map[string]string{"VISIBILITY": "6s"},
			},
			{
				Name: "overwritten", Shows: "objects are overwritten while they are resized: each version gets its own sizes",
				Lasts: 5 * time.Second, Recovery: 10 * time.Second,
			},
			{
				Name: "tripled", Shows: "each event comes three times, and S3's test event between them: each version is recorded once",
				Lasts: 10 * time.Second, Recovery: 10 * time.Second,
			},
			{
				Name: "lost-events", Shows: "S3 announces nothing for 10 s: the sweeper finds what it did not say",
				Lasts: 10 * time.Second, Recovery: 10 * time.Second, Env: map[string]string{"SWEEP_EVERY": "2s", "SWEEP_GRACE": "5s"},
			},
			{
				Name: "burst", Shows: "200 pictures arrive at once: uploads go on as before, and the queue is worked off",
				Lasts: 5 * time.Second, Recovery: 40 * time.Second,
			},
		},
	}
}
