// Package jsoncall asks a JSON API once and prints what it answers: the part that
// every command-line client of an administration API has.
package jsoncall

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 20

// A Call is one request.
type Call struct {
	Method string
	Path   string // below the base, escaped
	Query  url.Values
	Body   any // sent as JSON; nil sends null
}

// Print makes the call at base with a bearer token and prints the answer, indented.
// It is made once: nothing is repeated, and ctx bounds it. A status of 300 or more
// is an error with the body of the answer, as is an answer that is no JSON.
func (c Call) Print(ctx context.Context, base *url.URL, token string, out io.Writer) error {
	raw, err := json.Marshal(c.Body)
	if err != nil {
		return err
	}
	to := base.JoinPath(c.Path)
	to.RawQuery = c.Query.Encode()
	req, err := http.NewRequestWithContext(ctx, c.Method, to.String(), bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s: %s", resp.Status, bytes.TrimSpace(answer))
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, answer, "", "  "); err != nil {
		return fmt.Errorf("an answer that is no JSON: %w", err)
	}
	_, err = pretty.WriteTo(out)
	return err
}
