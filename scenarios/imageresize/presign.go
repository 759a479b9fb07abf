package imageresize

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// presignFor is how long a form, an upload URL and a download URL are good for.
const presignFor = 15 * time.Minute

// presigner signs what clients then do with S3 themselves. It does no I/O but for
// what the credentials of the process take.
type presigner struct {
	client     *s3.PresignClient
	uploads    string
	renditions string
}

// newPresigner takes a client whose endpoint is the one that S3's clients reach:
// its name is part of the signature.
func newPresigner(client *s3.Client, uploads, renditions string) *presigner {
	return &presigner{
		client: s3.NewPresignClient(client, func(o *s3.PresignOptions) {
			o.Expires = presignFor
			// Checksum and length as headers that have to be sent, and be true. As
			// parameters of the URL they are signed and then ignored.
			o.Presigner = v4.NewSigner(func(s *v4.SignerOptions) { s.DisableHeaderHoisting, s.DisableURIPathEscaping = true, true })
		}),
		uploads: uploads, renditions: renditions,
	}
}

// A Form is what a browser posts to S3 as multipart/form-data: these fields, and
// last the file.
type Form struct {
	URL    string            `json:"url"`
	Fields map[string]string `json:"fields"`
}

// form signs one upload of this key and type, of at most maxUpload bytes.
func (p *presigner) form(ctx context.Context, key, contentType string) (Form, error) {
	out, err := p.client.PresignPostObject(ctx, &s3.PutObjectInput{Bucket: &p.uploads, Key: &key}, func(o *s3.PresignPostOptions) {
		o.Expires = presignFor
		o.Conditions = []any{[]any{"content-length-range", 1, maxUpload}, map[string]string{"Content-Type": contentType}}
	})
	if err != nil {
		return Form{}, fmt.Errorf("sign a form: %w", err)
	}
	out.Values["Content-Type"] = contentType
	return Form{URL: out.URL, Fields: out.Values}, nil
}

// A Put is one PUT to S3, with these headers.
type Put struct {
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
}

// put signs an upload of exactly these bytes: another length or content is refused.
func (p *presigner) put(ctx context.Context, key, contentType string, size int64, sha256 []byte) (Put, error) {
	out, err := p.client.PresignPutObject(ctx, &s3.PutObjectInput{
		Bucket: &p.uploads, Key: &key, ContentType: &contentType, ContentLength: &size,
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sha256)),
	})
	if err != nil {
		return Put{}, fmt.Errorf("sign an upload: %w", err)
	}
	put := Put{URL: out.URL, Headers: map[string]string{}}
	for name, values := range out.SignedHeader {
		if name = http.CanonicalHeaderKey(name); name != "Host" {
			put.Headers[name] = values[0]
		}
	}
	return put, nil
}

// get signs a download of a rendition.
func (p *presigner) get(ctx context.Context, key string) (string, error) {
	out, err := p.client.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &p.renditions, Key: &key})
	if err != nil {
		return "", fmt.Errorf("sign a download: %w", err)
	}
	return out.URL, nil
}
