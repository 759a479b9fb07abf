// Package imageresize takes uploads into S3 and makes three sizes of each image,
// while nobody waits for it.
//
//	client ─ POST /api/uploads ─▶ api ×2: a presigned form or URL, no I/O
//	client ─ the image ─▶ S3 uploads (versioned): 200 means accepted
//	                        └─ event ─▶ SQS ─▶ resize ×2, or the same binary as a Lambda
//	                                            ├─▶ S3 renditions: three objects, named by key and version
//	                                            └─▶ DynamoDB: one record of the version, written once
//	sweeper ×2 ─ versions without a record ─▶ SQS       poison ─▶ dead-letter queue
//
// Delivery is at least once. The record of a version is written once, by a
// condition of DynamoDB, after its three objects; the objects are the same however
// often they are made, and the first one stays.
//
// Start here: Resizer makes the sizes of one version. The boxes of the diagram are
// files: api.go, resize.go, worker.go and lambda.go (the two hosts), sweeper.go.
package imageresize

import (
	"errors"
	"time"

	"github.com/provingground/provingground/pkg/rendition"
)

// A Version is one accepted upload: S3 answered 200.
type Version struct {
	Key, ID string // the object and its version in the uploads bucket
	ETag    string
}

// A State is how far a version is.
type State string

// The states. Done and Failed are final.
const (
	Queued State = "queued" // accepted; no record yet
	Done   State = "done"
	Failed State = "failed"
)

// A Record is how a version ended.
type Record struct {
	Version
	State    State
	Reason   string // of Failed: one word, such as corrupt
	Detail   string // of Failed: for people
	Finished time.Time
	Objects  []Object // of Done
}

// An Object is one size, in the renditions bucket.
type Object struct {
	Name, Key, ContentType string
	Width, Height          int
	Bytes                  int
}

// Reasons of ours, besides those of package rendition.
const (
	reasonGone   = "deleted" // the version is no longer there
	reasonGaveUp = "gave_up" // every attempt ended its worker, or took too long
)

// ErrNotFound says that there is no such upload.
var ErrNotFound = errors.New("no such upload")

// maxUpload bounds what S3 takes, by the policy that is signed.
const maxUpload = 20 << 20

// limits of one image. 50 million pixels are more than any camera of a telephone
// stores by default; memory is what two jobs may take beside each other.
func limits() rendition.Limits { return rendition.Limits{Bytes: maxUpload} }

// sizes are the three: for a page, a list and an icon.
func sizes() []rendition.Size {
	return []rendition.Size{{Name: "large", Side: 1600}, {Name: "medium", Side: 640}, {Name: "small", Side: 200}}
}
