package imageresize

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Uploads gives out permissions to upload, and says what became of uploads. Its
// methods are safe for concurrent use.
type Uploads struct {
	ids     ids
	images  *images
	records *records
	sign    *presigner
	now     func() time.Time
}

// A Request asks for an upload.
type Request struct {
	Name        string
	ContentType string
	Size        int64  // of the file; 0 if unknown: then there is a form only
	SHA256      []byte // of the file; nil if unknown
}

// A Permit is the permission to upload one file, until Expires. Each use makes a
// version of its own.
type Permit struct {
	ID      string    `json:"id"`
	Key     string    `json:"key"`
	Expires time.Time `json:"expires"`
	Form    Form      `json:"form"`
	Put     *Put      `json:"put,omitempty"`
}

// Permit signs an upload. Nothing is stored, so repeating it costs nothing.
func (u *Uploads) Permit(ctx context.Context, r Request) (Permit, error) {
	now := u.now()
	id := u.ids.make(now)
	p := Permit{ID: id, Key: uploadKey(id, r.Name), Expires: now.Add(presignFor).UTC().Truncate(time.Second)}
	var err error
	if p.Form, err = u.sign.form(ctx, p.Key, r.ContentType); err != nil || r.SHA256 == nil || r.Size == 0 {
		return p, err
	}
	put, err := u.sign.put(ctx, p.Key, r.ContentType, r.Size, r.SHA256)
	p.Put = &put
	return p, err
}

// An Upload is what became of a permit: a version for each time it was used,
// newest first.
type Upload struct {
	ID       string          `json:"id"`
	Versions []VersionStatus `json:"versions"`
}

// VersionStatus is one version and how far it is.
type VersionStatus struct {
	Version    string           `json:"version"`
	AcceptedAt time.Time        `json:"accepted_at"`
	Bytes      int64            `json:"bytes"`
	State      State            `json:"state"`
	Reason     string           `json:"reason,omitempty"`
	Detail     string           `json:"detail,omitempty"`
	Finished   *time.Time       `json:"finished_at,omitempty"`
	Sizes      map[string]*Size `json:"sizes,omitempty"`
}

// Size is one of the three, with a URL that works for as long as a permit.
type Size struct {
	URL         string `json:"url"`
	ContentType string `json:"content_type"`
	Width       int    `json:"width"`
	Height      int    `json:"height"`
	Bytes       int    `json:"bytes"`
}

// maxVersions of one upload are shown, the newest.
const maxVersions = 50

// Find returns an upload. Before the first use of its permit it has no versions.
// ErrNotFound means that the id is none of ours; that costs no I/O.
func (u *Uploads) Find(ctx context.Context, id string) (Upload, error) {
	if !u.ids.valid(id) {
		return Upload{}, ErrNotFound
	}
	found, _, err := u.images.versions(ctx, uploadPrefix+id+"/", cursor{}, maxVersions)
	if err != nil {
		return Upload{}, err
	}
	up := Upload{ID: id, Versions: []VersionStatus{}}
	records := map[string]Record{}
	key := ""
	for _, v := range found {
		if k := aws.ToString(v.Key); k != key { // one permit has one key; a person may have made others
			key = k
			if records, err = u.records.of(ctx, key); err != nil {
				return Upload{}, err
			}
		}
		s := VersionStatus{Version: aws.ToString(v.VersionId), AcceptedAt: aws.ToTime(v.LastModified), Bytes: aws.ToInt64(v.Size), State: Queued}
		if rec, ended := records[s.Version]; ended {
			if err := u.ended(ctx, &s, rec); err != nil {
				return Upload{}, err
			}
		}
		up.Versions = append(up.Versions, s)
	}
	return up, nil
}

func (u *Uploads) ended(ctx context.Context, s *VersionStatus, rec Record) error {
	s.State, s.Reason, s.Detail, s.Finished = rec.State, rec.Reason, rec.Detail, &rec.Finished
	for _, o := range rec.Objects {
		url, err := u.sign.get(ctx, o.Key)
		if err != nil {
			return err
		}
		if s.Sizes == nil {
			s.Sizes = map[string]*Size{}
		}
		s.Sizes[o.Name] = &Size{URL: url, ContentType: o.ContentType, Width: o.Width, Height: o.Height, Bytes: o.Bytes}
	}
	return nil
}

// validType knows the types that may be declared. What an image is says its content.
func validType(contentType string) error {
	switch contentType {
	case "image/jpeg", "image/png", "image/gif", "image/webp":
		return nil
	}
	return fmt.Errorf("content_type must be one of %s", strings.Join([]string{"image/jpeg", "image/png", "image/gif", "image/webp"}, ", "))
}
