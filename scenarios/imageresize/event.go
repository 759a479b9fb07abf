package imageresize

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// errTest says that the message is S3's test event, which it sends when a
// notification is configured: nothing is to be done.
var errTest = errors.New("S3 test event")

// notification is what S3 sends (read: "Event message structure", 2026-11-24), as
// far as it matters. Versions 2.x only add fields.
type notification struct {
	Event   string // s3:TestEvent
	Records []struct {
		EventVersion string `json:"eventVersion"`
		EventName    string `json:"eventName"`
		S3           struct {
			Bucket struct {
				Name string `json:"name"`
			} `json:"bucket"`
			Object struct {
				Key       string `json:"key"` // URL-encoded, a space as plus
				ETag      string `json:"eTag"`
				VersionID string `json:"versionId"`
			} `json:"object"`
		} `json:"s3"`
	} `json:"Records"`
}

// parse returns the versions that a message of S3 says were made in the bucket.
// What it refuses no repetition mends.
func parse(body, bucket string) ([]Version, error) {
	var n notification
	if err := json.Unmarshal([]byte(body), &n); err != nil {
		return nil, fmt.Errorf("not an S3 event: %w", err)
	}
	if n.Event == "s3:TestEvent" {
		return nil, errTest
	}
	if len(n.Records) == 0 {
		return nil, errors.New("not an S3 event: no records")
	}
	var versions []Version
	for _, r := range n.Records {
		o := r.S3.Object
		key, err := url.QueryUnescape(o.Key)
		switch {
		case err != nil || key == "":
			return nil, fmt.Errorf("S3 event with key %.200q", o.Key)
		case !strings.HasPrefix(r.EventVersion, "2."):
			return nil, fmt.Errorf("S3 event of version %.20q, known is 2.x", r.EventVersion)
		case !strings.HasPrefix(r.EventName, "ObjectCreated:"):
			return nil, fmt.Errorf("S3 event %.100q is not for this queue", r.EventName)
		case r.S3.Bucket.Name != bucket:
			return nil, fmt.Errorf("S3 event of bucket %.100q is not for this queue", r.S3.Bucket.Name)
		case o.VersionID == "":
			return nil, fmt.Errorf("S3 event without a version: versioning of bucket %s must be on", bucket)
		}
		versions = append(versions, Version{Key: key, ID: o.VersionID, ETag: o.ETag})
	}
	return versions, nil
}

// lostEvent is the event of a version as S3 would have sent it, by the sweeper.
func lostEvent(bucket string, v Version, now time.Time) (string, error) {
	raw, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
		"eventVersion": "2.2", "eventSource": "imageresize:sweeper", "eventName": "ObjectCreated:Lost", "eventTime": now.UTC(),
		"s3": map[string]any{
			"bucket": map[string]any{"name": bucket},
			"object": map[string]any{"key": url.QueryEscape(v.Key), "eTag": v.ETag, "versionId": v.ID},
		},
	}}})
	return string(raw), err
}
