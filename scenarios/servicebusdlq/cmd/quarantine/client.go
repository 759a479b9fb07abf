package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
)

const usage = "with QUARANTINE_URL and ADMIN_TOKEN in the environment: quarantine groups" +
	" | list [-queue Q] [-reason R] [-shape S] [-state open|sending|sent|booked|discarded] [-after ID] [-limit N] | show ID | diff ID | audit [ID]" +
	" | repair -why TEXT -data JSON ID | resubmit [-name NAME] (ID… | -queue Q -reason R -shape S) | progress NAME" +
	" | discard -why TEXT (ID… | -queue Q -reason R -shape S)"

const callTimeout = 30 * time.Second

// call is one request to the desk.
type call struct {
	method, path string
	query        url.Values
	body         any
}

// command asks a running quarantine for something and prints its answer.
func command(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	c, err := parse(args)
	if err != nil {
		return err
	}
	v := envvars.New(env)
	base, token := v.URL("QUARANTINE_URL"), v.Secret("ADMIN_TOKEN")
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	return c.do(ctx, base, token, out)
}

// selection is what flags and arguments select.
type selection struct {
	IDs    []string `json:"ids,omitempty"`
	Queue  string   `json:"queue,omitempty"`
	Reason string   `json:"reason,omitempty"`
	Shape  string   `json:"shape,omitempty"`
	Why    string   `json:"why,omitempty"`
}

// repair is what replaces a body.
type repair struct {
	Data json.RawMessage `json:"data"`
	Why  string          `json:"why"`
}

func parse(args []string) (call, error) {
	var s selection
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.Queue, "queue", "", "")
	flags.StringVar(&s.Reason, "reason", "", "")
	flags.StringVar(&s.Shape, "shape", "", "")
	flags.StringVar(&s.Why, "why", "", "")
	name, data := flags.String("name", "", ""), flags.String("data", "", "")
	state, after, limit := flags.String("state", "", ""), flags.String("after", "", ""), flags.String("limit", "", "")
	if err := flags.Parse(args[1:]); err != nil {
		return call{}, fmt.Errorf("%w: %w; %s", role.ErrUsage, err, usage)
	}
	s.IDs = flags.Args()
	one := func(path, what string) string { return path + url.PathEscape(s.IDs[0]) + what }
	switch n := len(s.IDs); {
	case args[0] == "groups" && n == 0:
		return call{method: http.MethodGet, path: "/api/groups"}, nil
	case args[0] == "list" && n == 0:
		query := url.Values{"queue": {s.Queue}, "reason": {s.Reason}, "shape": {s.Shape}, "state": {*state}, "after": {*after}, "limit": {*limit}}
		return call{method: http.MethodGet, path: "/api/letters", query: query}, nil
	case args[0] == "show" && n == 1:
		return call{method: http.MethodGet, path: one("/api/letters/", "")}, nil
	case args[0] == "diff" && n == 1:
		return call{method: http.MethodGet, path: one("/api/letters/", "/diff")}, nil
	case args[0] == "repair" && n == 1 && s.Why != "" && json.Valid([]byte(*data)):
		return call{method: http.MethodPut, path: one("/api/letters/", "/repair"), body: repair{json.RawMessage(*data), s.Why}}, nil
	case args[0] == "resubmit" && s.Why == "":
		if *name == "" {
			*name = "resubmit-" + strings.ToLower(rand.Text())
		}
		return call{method: http.MethodPut, path: "/api/resubmissions/" + url.PathEscape(*name), body: s}, nil
	case args[0] == "progress" && n == 1:
		return call{method: http.MethodGet, path: one("/api/resubmissions/", "")}, nil
	case args[0] == "discard" && s.Why != "":
		return call{method: http.MethodPost, path: "/api/discards", body: s}, nil
	case args[0] == "audit" && n <= 1:
		return call{method: http.MethodGet, path: "/api/audit", query: url.Values{"letter": s.IDs}}, nil
	}
	return call{}, fmt.Errorf("%w: no command like %q; %s", role.ErrUsage, args, usage)
}

func (c call) do(ctx context.Context, base *url.URL, token string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	raw, err := json.Marshal(c.body)
	if err != nil {
		return err
	}
	to := base.JoinPath(c.path)
	to.RawQuery = c.query.Encode()
	req, err := http.NewRequestWithContext(ctx, c.method, to.String(), bytes.NewReader(raw))
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
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
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
