package aws

import (
	"net/http"
	"strings"
)

// s3Rule is how the REST of S3 says an operation: the first rule that fits.
type s3Rule struct {
	method string
	object bool   // the path names an object, not only a bucket
	query  string // a parameter that must be there
	header string // a header that must be there
	action string
}

func s3Rules() []s3Rule {
	return []s3Rule{
		{method: http.MethodPut, object: true, query: "partNumber", header: "X-Amz-Copy-Source", action: "UploadPartCopy"},
		{method: http.MethodPut, object: true, query: "partNumber", action: "UploadPart"},
		{method: http.MethodPut, object: true, query: "tagging", action: "PutObjectTagging"},
		{method: http.MethodPut, object: true, header: "X-Amz-Copy-Source", action: "CopyObject"},
		{method: http.MethodPut, object: true, action: "PutObject"},
		{method: http.MethodPost, object: true, query: "uploads", action: "CreateMultipartUpload"},
		{method: http.MethodPost, object: true, query: "uploadId", action: "CompleteMultipartUpload"},
		{method: http.MethodDelete, object: true, query: "uploadId", action: "AbortMultipartUpload"},
		{method: http.MethodDelete, object: true, action: "DeleteObject"},
		{method: http.MethodGet, object: true, query: "uploadId", action: "ListParts"},
		{method: http.MethodGet, object: true, action: "GetObject"},
		{method: http.MethodHead, object: true, action: "HeadObject"},
		{method: http.MethodPut, query: "notification", action: "PutBucketNotificationConfiguration"},
		{method: http.MethodPut, action: "CreateBucket"},
		{method: http.MethodPost, query: "delete", action: "DeleteObjects"},
		{method: http.MethodDelete, action: "DeleteBucket"},
		{method: http.MethodGet, query: "uploads", action: "ListMultipartUploads"},
		{method: http.MethodGet, query: "list-type", action: "ListObjectsV2"},
		{method: http.MethodGet, query: "versions", action: "ListObjectVersions"},
		{method: http.MethodGet, action: "ListObjects"},
		{method: http.MethodHead, action: "HeadBucket"},
	}
}

// s3Call takes the bucket from the path, as clients of an emulator write it.
func s3Call(r *http.Request) (action, bucket string) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if bucket == "" {
		return "ListBuckets", ""
	}
	query := r.URL.Query()
	for _, rule := range s3Rules() {
		fits := rule.method == r.Method && rule.object == (key != "") &&
			(rule.query == "" || query.Has(rule.query)) && (rule.header == "" || r.Header.Get(rule.header) != "")
		if fits {
			return rule.action, bucket
		}
	}
	return r.Method, bucket
}
