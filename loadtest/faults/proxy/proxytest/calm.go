package proxytest

import (
	"bytes"
	"io"
	"net/http"
)

// Calm is an HTTP client for the AWS SDK that sends a copy of each body. The SDK
// closes the body as soon as the answer begins; net/http, when it then has not
// looked for the end of the body yet, takes that for a failed write and closes
// the connection under the answer. It happens once in some hundred calls on a busy
// machine, the SDK tries again, and a test that counts calls would not be true.
type Calm struct{ Client http.Client }

// Do implements the SDK's HTTPClient.
func (c *Calm) Do(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	return c.Client.Do(req)
}
