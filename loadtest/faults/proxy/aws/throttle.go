package aws

import (
	"bufio"
	"bytes"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"

	"github.com/provingground/provingground/loadtest/faults/proxy"
)

const requestID = "00000000-0000-4000-8000-000000000000"

// Throttle answers as the service does when a caller is too fast; nothing is
// executed. The codes are those that the SDKs retry: DynamoDB and Kinesis
// ProvisionedThroughputExceededException, SQS RequestThrottled, other JSON
// services ThrottlingException (400), query services Throttling (400), S3
// SlowDown (503).
func Throttle() proxy.Effect { return proxy.Instead("throttle", throttled) }

func throttled(head []byte) []byte {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil { // it was a request when it was named
		return textAnswer(http.StatusServiceUnavailable, "application/xml", nil, nil)
	}
	target := r.Header.Get("X-Amz-Target")
	switch {
	case target != "":
		return throttledJSON(r, target)
	case service(r) == "s3" || service(r) == "":
		return throttledS3(r)
	case isForm(r):
		body := `<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error><RequestId>` + requestID + `</RequestId></ErrorResponse>`
		return textAnswer(http.StatusBadRequest, "text/xml", nil, []byte(body))
	}
	header := []string{"X-Amzn-ErrorType: TooManyRequestsException"}
	return textAnswer(http.StatusTooManyRequests, "application/json", header, []byte(`{"message":"Rate exceeded"}`))
}

func throttledJSON(r *http.Request, target string) []byte {
	code, status := "ThrottlingException", http.StatusBadRequest
	var header []string
	switch prefix, _, _ := strings.Cut(target, "."); {
	case strings.HasPrefix(prefix, "DynamoDB_"):
		code = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
	case strings.HasPrefix(prefix, "Kinesis_"):
		code = "ProvisionedThroughputExceededException"
	case prefix == "AmazonSQS":
		code, status = "com.amazonaws.sqs#RequestThrottled", http.StatusForbidden
		header = append(header, "X-Amzn-Query-Error: RequestThrottled;Sender")
	}
	body := []byte(fmt.Sprintf(`{"__type":%q,"message":"Rate exceeded"}`, code))
	header = append(header, "X-Amz-Crc32: "+checksum(body))
	return textAnswer(status, r.Header.Get("Content-Type"), header, body)
}

func throttledS3(r *http.Request) []byte {
	var body []byte
	if r.Method != http.MethodHead {
		body = []byte(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message><RequestId>` + requestID + `</RequestId></Error>`)
	}
	return textAnswer(http.StatusServiceUnavailable, "application/xml", nil, body)
}

// checksum is what DynamoDB sends and its SDK compares: CRC-32 (IEEE) in decimal.
func checksum(body []byte) string {
	return strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10)
}

func textAnswer(status int, contentType string, header []string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\nX-Amzn-RequestId: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n",
		status, http.StatusText(status), requestID, contentType, len(body))
	for _, line := range header {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}
