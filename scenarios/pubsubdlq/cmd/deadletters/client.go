package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/jsoncall"
	"github.com/provingground/provingground/pkg/role"
)

const usage = "with DEADLETTERS_URL and ADMIN_TOKEN in the environment: deadletters groups" +
	" | list [-reason R] [-shape S] [-key K] [-state open|queued|sent|taken|discarded] [-after ID] [-limit N] | show ID | audit [ID]" +
	" | redrive [-name NAME] [-reason R] [-shape S] [-key K] [ID…] | progress NAME | discard -why TEXT [-reason R] [-shape S] [-key K] [ID…]"

const callTimeout = 10 * time.Second

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
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return c.Print(ctx, base, token, out)
}

// selection is what flags and arguments select.
type selection struct {
	IDs    []string `json:"ids,omitempty"`
	Reason string   `json:"reason,omitempty"`
	Shape  string   `json:"shape,omitempty"`
	Key    string   `json:"key,omitempty"`
	Why    string   `json:"why,omitempty"`
}

func parse(args []string) (jsoncall.Call, error) {
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
		return jsoncall.Call{}, fmt.Errorf("%w: %w; %s", role.ErrUsage, err, usage)
	}
	s.IDs = flags.Args()
	switch {
	case args[0] == "groups" && len(s.IDs) == 0:
		return jsoncall.Call{Method: http.MethodGet, Path: "/api/groups"}, nil
	case args[0] == "list" && len(s.IDs) == 0:
		query := url.Values{"reason": {s.Reason}, "shape": {s.Shape}, "key": {s.Key}, "state": {*state}, "after": {*after}, "limit": {*limit}}
		return jsoncall.Call{Method: http.MethodGet, Path: "/api/letters", Query: query}, nil
	case args[0] == "show" && len(s.IDs) == 1:
		return jsoncall.Call{Method: http.MethodGet, Path: "/api/letters/" + url.PathEscape(s.IDs[0])}, nil
	case args[0] == "audit" && len(s.IDs) <= 1:
		return jsoncall.Call{Method: http.MethodGet, Path: "/api/audit", Query: url.Values{"letter": s.IDs}}, nil
	case args[0] == "redrive" && s.Why == "":
		if *name == "" {
			*name = "redrive-" + rand.Text()
		}
		return jsoncall.Call{Method: http.MethodPut, Path: "/api/redrives/" + url.PathEscape(*name), Body: s}, nil
	case args[0] == "progress" && len(s.IDs) == 1:
		return jsoncall.Call{Method: http.MethodGet, Path: "/api/redrives/" + url.PathEscape(s.IDs[0])}, nil
	case args[0] == "discard" && s.Why != "":
		return jsoncall.Call{Method: http.MethodPost, Path: "/api/discards", Body: s}, nil
	}
	return jsoncall.Call{}, fmt.Errorf("%w: no command like %q; %s", role.ErrUsage, args, usage)
}
