package scenarios

import "time"

func imageresize() Scenario {
	names := map[string]string{
		"UPLOADS_BUCKET": "imageresize-uploads", "RENDITIONS_BUCKET": "imageresize-renditions",
		"RECORDS_TABLE": "imageresize-records", "EVENTS_QUEUE": "imageresize-events",
	}
	with := func(more map[string]string) map[string]string {
		all := map[string]string{}
		for _, m := range []map[string]string{names, more} {
			for name, value := range m {
				all[name] = value
			}
		}
		return all
	}
	return Scenario{
		Slug:     "imageresize",
		Title:    "Image pipeline",
		Question: "Users upload images to S3. A pipeline resizes them to 3 sizes without blocking the upload response.",
		Draft:    true,
		Cloud:    "AWS",
		Needs:    []string{"aws", "dynamodb"},
		Template: "aws/imageresize.yaml",
		Roles: []Role{
			{
				Name: "api", Count: 2, Secrets: []string{"UPLOAD_ID_KEY"}, Env: names,
				TryIt: `curl -i {url}/api/uploads -H 'Content-Type: application/json' -d '{"name":"my photo.jpg","content_type":"image/jpeg"}'`,
			},
			{Name: "resize", Count: 2, Env: with(map[string]string{"NICE": "10"})},
			{Name: "sweeper", Count: 2, Env: names},
		},
		Target: Target{Rate: 5, Unit: "uploads", P99: 250 * time.Millisecond, Duration: time.Minute, WarmUp: 2 * time.Second, Records: 200},
		Drills: []Drill{},
	}
}
