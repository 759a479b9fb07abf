package imageresize

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/provingground/provingground/pkg/rendition"
)

// errGone says that a version is not there any more.
var errGone = errors.New("no such version")

// callTimeout bounds one call to a service.
const callTimeout = 10 * time.Second

// images are the two buckets: what was uploaded, and what was made of it.
type images struct {
	client     *s3.Client
	uploads    string
	renditions string
}

// read returns the bytes of one version, and refuses more than an upload may have
// without reading them.
func (i *images) read(ctx context.Context, v Version) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	in := &s3.GetObjectInput{Bucket: &i.uploads, Key: &v.Key, VersionId: &v.ID}
	if v.ETag != "" { // the bytes of that version, and no others
		in.IfMatch = aws.String(`"` + v.ETag + `"`)
	}
	out, err := i.client.GetObject(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("read %s version %s: %w", v.Key, v.ID, classified(err))
	}
	defer out.Body.Close()
	size := aws.ToInt64(out.ContentLength)
	if size > maxUpload {
		return nil, &rendition.Refusal{Reason: rendition.TooLarge, Detail: fmt.Sprintf("%d bytes, limit %d", size, maxUpload)}
	}
	data := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if n, err := io.Copy(data, io.LimitReader(out.Body, maxUpload)); err != nil || n != size {
		return nil, fmt.Errorf("read %s version %s: %d of %d bytes: %w", v.Key, v.ID, n, size, errors.Join(err, io.ErrUnexpectedEOF))
	}
	return data.Bytes(), nil
}

// classified tells what an answer of S3 says about a version. A bucket that is not
// there says nothing about it.
func classified(err error) error {
	var named smithy.APIError
	switch status(err) {
	case http.StatusNotFound, http.StatusMethodNotAllowed: // 405: the version is a delete marker
		if errors.As(err, &named) && named.ErrorCode() == "NoSuchBucket" {
			return err
		}
		return fmt.Errorf("%w: %w", errGone, err)
	case http.StatusBadRequest, http.StatusPreconditionFailed: // no version has this id; its ETag is another
		return fmt.Errorf("%w: %w", errPoison, err)
	}
	return err
}

// write puts one rendition, unless it is there.
func (i *images) write(ctx context.Context, v Version, o Object, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := i.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &i.renditions, Key: &o.Key, Body: bytes.NewReader(data), ContentType: &o.ContentType,
		IfNoneMatch:  aws.String("*"),
		CacheControl: aws.String("public, max-age=31536000, immutable"), // another version is another object
		Metadata:     map[string]string{"source-version": v.ID},
	})
	if err != nil && status(err) != http.StatusPreconditionFailed {
		return fmt.Errorf("write %s: %w", o.Key, err)
	}
	return nil
}

// versions returns one page of versions in order of their keys, newest first for
// one key, and where the next page begins; an empty next means that it was the last.
func (i *images) versions(ctx context.Context, prefix string, after cursor, most int32) (found []types.ObjectVersion, next cursor, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	in := &s3.ListObjectVersionsInput{Bucket: &i.uploads, Prefix: &prefix, MaxKeys: &most}
	if after.key != "" {
		in.KeyMarker = &after.key
	}
	if after.version != "" {
		in.VersionIdMarker = &after.version
	}
	out, err := i.client.ListObjectVersions(ctx, in)
	if err != nil {
		return nil, cursor{}, fmt.Errorf("list versions of %s: %w", prefix, err)
	}
	if aws.ToBool(out.IsTruncated) {
		next = cursor{aws.ToString(out.NextKeyMarker), aws.ToString(out.NextVersionIdMarker)}
	}
	return out.Versions, next, nil
}

// cursor is a place in the list of versions.
type cursor struct{ key, version string }

// there asks whether S3 answers.
func (i *images) there(ctx context.Context) error {
	_, err := i.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &i.uploads})
	return err
}

// status returns the status of an answer that is an error, or 0 without an answer.
func status(err error) int {
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}
