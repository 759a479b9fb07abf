package main

import (
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
	"github.com/provingground/provingground/pkg/jsoncall"
	"github.com/provingground/provingground/pkg/role"
)

const usage = "with QUARANTINE_URL and ADMIN_TOKEN in the environment: quarantine groups" +
	" | list [-queue Q] [-reason R] [-shape S] [-state open|sending|sent|booked|discarded] [-after ID] [-limit N] | show ID | diff ID | audit [ID]" +
	" | repair -why TEXT -data JSON ID | resubmit [-name NAME] (ID… | -queue Q -reason R -shape S) | progress NAME" +
	" | discard -why TEXT (ID… | -queue Q -reason R -shape S)"

const callTimeout = 30 * time.Second

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
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return c.Print(ctx, base, token, out)
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

func parse(args []string) (jsoncall.Call, error) {
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
		return jsoncall.Call{}, fmt.Errorf("%w: %w; %s", role.ErrUsage, err, usage)
	}
	s.IDs = flags.Args()
	one := func(path, what string) string { return path + url.PathEscape(s.IDs[0]) + what }
	switch n := len(s.IDs); {
	case args[0] == "groups" && n == 0:
		return jsoncall.Call{Method: http.MethodGet, Path: "/api/groups"}, nil
	case args[0] == "list" && n == 0:
		query := url.Values{"queue": {s.Queue}, "reason": {s.Reason}, "shape": {s.Shape}, "state": {*state}, "after": {*after}, "limit": {*limit}}
		return jsoncall.Call{Method: http.MethodGet, Path: "/api/letters", Query: query}, nil
	case args[0] == "show" && n == 1:
		return jsoncall.Call{Method: http.MethodGet, Path: one("/api/letters/", "")}, nil
	case args[0] == "diff" && n == 1:
		return jsoncall.Call{Method: http.MethodGet, Path: one("/api/letters/", "/diff")}, nil
	case args[0] == "repair" && n == 1 && s.Why != "" && json.Valid([]byte(*data)):
		return jsoncall.Call{Method: http.MethodPut, Path: one("/api/letters/", "/repair"), Body: repair{json.RawMessage(*data), s.Why}}, nil
	case args[0] == "resubmit" && s.Why == "":
		if *name == "" {
			*name = "resubmit-" + strings.ToLower(rand.Text())
		}
		return jsoncall.Call{Method: http.MethodPut, Path: "/api/resubmissions/" + url.PathEscape(*name), Body: s}, nil
	case args[0] == "progress" && n == 1:
		return jsoncall.Call{Method: http.MethodGet, Path: one("/api/resubmissions/", "")}, nil
	case args[0] == "discard" && s.Why != "":
		return jsoncall.Call{Method: http.MethodPost, Path: "/api/discards", Body: s}, nil
	case args[0] == "audit" && n <= 1:
		return jsoncall.Call{Method: http.MethodGet, Path: "/api/audit", Query: url.Values{"letter": s.IDs}}, nil
	}
	return jsoncall.Call{}, fmt.Errorf("%w: no command like %q; %s", role.ErrUsage, args, usage)
}
