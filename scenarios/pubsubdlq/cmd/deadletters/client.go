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
	"time"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
)

const usage = "with DEADLETTERS_URL and ADMIN_TOKEN in the environment: deadletters groups" +
	" | list [-reason R] [-shape S] [-key K] [-state open|queued|sent|taken|discarded] [-after ID] [-limit N] | show ID | audit [ID]" +
	" | redrive [-name NAME] [-reason R] [-shape S] [-key K] [ID…] | progress NAME | discard -why TEXT [-reason R] [-shape S] [-key K] [ID…]"

const callTimeout = 10 * time.Second

// call is one request to the desk.
type call struct {
	method, path string
	query        url.Values
	body         any
}

// command asks the desk and prints what it answers.
func command(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	c, err := parse(args)
	if err != nil {
		return err
	}
	v := envvars.New(env)
	base, token := v.URL("DEADLETTERS_URL"), v.Secret("ADMIN_TOKEN")
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	return c.do(ctx, base, token, out)
}

// selection is what flags and arguments select.
type selection struct {
	IDs    []string `json:"ids,omitempty"`
	Reason string   `json:"reason,omitempty"`
	Shape  string   `json:"shape,omitempty"`
	Key    string   `json:"key,omitempty"`
	Why    string   `json:"why,omitempty"`
}

func parse(args []string) (call, error) {
	var s selection
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.Reason, "reason", "", "")
	flags.StringVar(&s.Shape, "shape", "", "")
	flags.StringVar(&s.Key, "key", "", "")
	flags.StringVar(&s.Why, "why", "", "")
	name := flags.String("name", "", "")
	state := flags.String("state", "", "")
	after := flags.String("after", "", "")
	limit := flags.String("limit", "", "")
	if err := flags.Parse(args[1:]); err != nil {
		return call{}, fmt.Errorf("%w: %w; %s", role.ErrUsage, err, usage)
	}
	s.IDs = flags.Args()
	switch {
	case args[0] == "groups" && len(s.IDs) == 0:
		return call{method: http.MethodGet, path: "/api/groups"}, nil
	case args[0] == "list" && len(s.IDs) == 0:
		query := url.Values{"reason": {s.Reason}, "shape": {s.Shape}, "key": {s.Key}, "state": {*state}, "after": {*after}, "limit": {*limit}}
		return call{method: http.MethodGet, path: "/api/letters", query: query}, nil
	case args[0] == "show" && len(s.IDs) == 1:
		return call{method: http.MethodGet, path: "/api/letters/" + url.PathEscape(s.IDs[0])}, nil
	case args[0] == "audit" && len(s.IDs) <= 1:
		return call{method: http.MethodGet, path: "/api/audit", query: url.Values{"letter": s.IDs}}, nil
	case args[0] == "redrive" && s.Why == "":
		if *name == "" {
			*name = "redrive-" + rand.Text()
		}
		return call{method: http.MethodPut, path: "/api/redrives/" + url.PathEscape(*name), body: s}, nil
	case args[0] == "progress" && len(s.IDs) == 1:
		return call{method: http.MethodGet, path: "/api/redrives/" + url.PathEscape(s.IDs[0])}, nil
	case args[0] == "discard" && s.Why != "":
		return call{method: http.MethodPost, path: "/api/discards", body: s}, nil
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
