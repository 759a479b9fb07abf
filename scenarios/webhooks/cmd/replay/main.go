// Command replay publishes the events of an account again, out of the inbox:
//
//	replay [-provider payments] ACCOUNT FROM
//
// FROM is a time such as 2026-11-24T00:00:00Z, or a day. DATABASE_URL,
// GOOGLE_CLOUD_PROJECT and EVENTS_TOPIC say where; its rights are those of whoever
// calls it, and it leaves an audit line.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/webhooks"
)

func main() { role.Main("replay", run) }

const usage = "replay [-provider NAME] ACCOUNT FROM"

func run(ctx context.Context, env func(string) string, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	provider := flags.String("provider", "payments", "who sent the events")
	if err := flags.Parse(args); err != nil || flags.NArg() != 2 {
		return fmt.Errorf("%w: %s", role.ErrUsage, usage)
	}
	from, err := time.Parse(time.RFC3339, flags.Arg(1))
	if err != nil {
		from, err = time.Parse(time.DateOnly, flags.Arg(1))
	}
	if err != nil {
		return fmt.Errorf("%w: %s: FROM is a time such as 2026-11-24T00:00:00Z, or a day", role.ErrUsage, usage)
	}
	v := envvars.New(env)
	database, project, topic := v.Required("DATABASE_URL"), v.Required("GOOGLE_CLOUD_PROJECT"), v.Required("EVENTS_TOPIC")
	if err := v.Err(); err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	db, err := webhooks.OpenDatabase(ctx, database, "replay", 1)
	if err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	defer db.Close()
	client, err := webhooks.OpenPubSub(ctx, project)
	if err != nil {
		return err
	}
	defer client.Close()
	n, err := webhooks.Replay(ctx, db, client, topic, *provider, flags.Arg(0), from)
	slog.New(slog.NewJSONHandler(out, nil)).Info("audit", "action", "replay", "provider", *provider, "account", flags.Arg(0), "from", from, "events", n)
	return err
}
