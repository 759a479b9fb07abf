package aws

import (
	"bufio"
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"github.com/provingground/provingground/loadtest/faults/proxy"
)

// Partial lets each every-th entry of a batch fail (2: the 2nd, the 4th, …) and
// forwards the others; the caller gets a success that names the failed ones, as
// the service says it:
//
//   - DynamoDB BatchWriteItem and BatchGetItem: UnprocessedItems, UnprocessedKeys.
//     One entry is always processed, because a service that can process none
//     answers with an error.
//   - SQS SendMessageBatch, DeleteMessageBatch and ChangeMessageVisibilityBatch
//     (JSON), SNS PublishBatch (query): Failed, by id.
//   - Kinesis PutRecords, Firehose PutRecordBatch, EventBridge PutEvents: an
//     error code in the entry's place.
//
// Other operations, and batches too short, pass unchanged. Requests are signed
// for what they were: a service that checks signatures refuses what is left.
func Partial(every int) proxy.Effect {
	p := partial{every: max(every, 1)}
	return proxy.Rewritten("partial failure", p.rewrite)
}

type partial struct{ every int }

// fails reports whether the entry at index i fails.
func (p partial) fails(i int) bool { return (i+1)%p.every == 0 }

// split parts the entries of a batch.
func split[E any](p partial, entries []E) (kept, failed []E) {
	for i, e := range entries {
		if p.fails(i) {
			failed = append(failed, e)
		} else {
			kept = append(kept, e)
		}
	}
	return kept, failed
}

func (p partial) rewrite(request []byte) (forward []byte, answer func([]byte) ([]byte, error)) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request)))
	if err != nil {
		return nil, nil
	}
	body, err := readAll(r.Body)
	if err != nil {
		return nil, nil
	}
	action, _ := call(r, body)
	left, change := p.change(action, body)
	if change == nil {
		return nil, nil
	}
	restore := func(answer []byte) ([]byte, error) { return changeAnswer(answer, r, change) }
	if left == nil {
		return nil, restore
	}
	return withBody(request, left), restore
}

// change returns what is left of a batch, nil for nothing, and what adds the
// failed entries to the body of its answer, which is nil when nothing was left.
func (p partial) change(action string, body []byte) (left []byte, change func([]byte) ([]byte, error)) {
	switch action {
	case "BatchWriteItem", "BatchGetItem":
		return p.unprocessed(action, body)
	case "SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch":
		return p.byID(body)
	case "PublishBatch":
		return p.published(body)
	}
	for _, k := range placedKinds() {
		if k.action == action {
			return p.placed(k, body)
		}
	}
	return nil, nil
}

// changeAnswer leaves errors of the service as they are.
func changeAnswer(answer []byte, to *http.Request, change func([]byte) ([]byte, error)) ([]byte, error) {
	if answer == nil {
		body, err := change(nil)
		contentType := to.Header.Get("Content-Type")
		if isForm(to) {
			contentType = "text/xml"
		}
		return textAnswer(http.StatusOK, contentType, []string{"X-Amz-Crc32: " + checksum(body)}, body), err
	}
	r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), to)
	if err != nil {
		return nil, err
	}
	body, err := readAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		return answer, err
	}
	body, err = change(body)
	return withBody(answer, body), err
}

// withBody replaces the body of a message and what its headers say about it.
func withBody(message, body []byte) []byte {
	head, _, _ := bytes.Cut(message, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	var b bytes.Buffer
	b.WriteString(lines[0] + "\r\n")
	for _, line := range lines[1:] {
		name, _, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "content-length", "transfer-encoding", "content-md5", "expect":
		case "accept-encoding": // the answer is to be read here
		case "x-amz-crc32":
			b.WriteString("X-Amz-Crc32: " + checksum(body) + "\r\n")
		default:
			b.WriteString(line + "\r\n")
		}
	}
	b.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n")
	b.Write(body)
	return b.Bytes()
}
