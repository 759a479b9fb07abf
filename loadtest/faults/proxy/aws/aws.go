// Package aws names the calls of AWS services for the fault proxy, and makes the
// faults that only they have: throttling and batches that fail in part.
//
// It knows the wire of the SDKs, not the services: JSON (DynamoDB, SQS, Kinesis,
// EventBridge), query (SNS and others) and the REST of S3.
package aws

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/web"
)

// Protocol returns the protocol of an AWS endpoint without TLS, as emulators have
// it. An operation is called as the API calls it, with the table, queue, topic,
// stream or bucket where the request shows it: "PutItem links",
// "TransactWriteItems orders+outbox", "SendMessageBatch emails", "PutObject photos".
// Bodies above 64 KiB are not looked into: such a call has its action alone.
func Protocol() proxy.Protocol { return web.Protocol(name) }

func name(r *http.Request, body []byte) string {
	action, target := call(r, body)
	action, target = clean(action), clean(target)
	if target == "" {
		return action
	}
	return action + " " + target
}

// clean keeps names in one word, as patterns need it.
func clean(s string) string {
	s = s[:min(len(s), 120)]
	return strings.Map(func(r rune) rune {
		if r == '/' || r <= ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, s)
}

func call(r *http.Request, body []byte) (action, target string) {
	if t := r.Header.Get("X-Amz-Target"); t != "" {
		action = t[strings.LastIndexByte(t, '.')+1:]
		return action, jsonTarget(action, body)
	}
	if _, operation, ok := strings.Cut(r.URL.Path, "/operation/"); ok { // RPC v2
		return operation, ""
	}
	if isForm(r) {
		form, err := url.ParseQuery(string(body))
		if err == nil && form.Get("Action") != "" {
			return form.Get("Action"), formTarget(form)
		}
	}
	if s := service(r); s != "" && s != "s3" {
		return s, r.Method
	}
	return s3Call(r)
}

func isForm(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

// service returns the service of the signature: the fourth part of the credential
// AKID/20261124/us-east-1/s3/aws4_request. It is empty for unsigned requests.
func service(r *http.Request) string {
	credential := r.URL.Query().Get("X-Amz-Credential")
	if _, after, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="); ok {
		credential, _, _ = strings.Cut(after, ",")
	}
	parts := strings.Split(credential, "/")
	if len(parts) < 5 {
		return ""
	}
	return parts[len(parts)-2]
}

// jsonTarget finds what a JSON call is about.
func jsonTarget(action string, body []byte) string {
	if action == "BatchWriteItem" || action == "BatchGetItem" {
		return strings.Join(batchTables(body), "+")
	}
	for _, key := range []string{"TableName", "QueueUrl", "QueueName", "StreamName"} {
		if found := stringsUnder(key, body); len(found) > 0 {
			return strings.Join(found, "+")
		}
	}
	return ""
}

func batchTables(body []byte) []string {
	var batch struct{ RequestItems map[string]json.RawMessage }
	if json.Unmarshal(body, &batch) != nil {
		return nil
	}
	var tables []string
	for table := range batch.RequestItems {
		tables = append(tables, table)
	}
	slices.Sort(tables)
	return tables
}

// stringsUnder returns the different strings that a key has anywhere in a JSON
// text, in order. It does not parse: inside a string the key's quotes would be
// escaped, and none of the values that are looked for holds an escape.
func stringsUnder(key string, text []byte) []string {
	var found []string
	quoted := []byte(`"` + key + `"`)
	for {
		at := bytes.Index(text, quoted)
		if at < 0 {
			return found
		}
		escaped := at > 0 && text[at-1] == '\\'
		text = bytes.TrimLeft(text[at+len(quoted):], " \t\r\n")
		value, ok := bytes.CutPrefix(text, []byte{':'})
		value = bytes.TrimLeft(value, " \t\r\n")
		if escaped || !ok || !bytes.HasPrefix(value, []byte{'"'}) {
			continue
		}
		raw, _, _ := bytes.Cut(value[1:], []byte{'"'})
		if s := path.Base(string(raw)); !slices.Contains(found, s) { // the name in a queue's URL
			found = append(found, s)
		}
	}
}

// formTarget returns the last part of an ARN or a URL.
func formTarget(form url.Values) string {
	for _, key := range []string{"TopicArn", "TargetArn", "QueueUrl", "Name", "StackName"} {
		if v := form.Get(key); v != "" {
			return v[strings.LastIndexAny(v, ":/")+1:]
		}
	}
	return ""
}
