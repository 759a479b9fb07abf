// Command deadletters lists what the consumers gave up, and sends it back.
//
//	deadletters list QUEUE
//	deadletters redrive [-id ID] [-body FILE] QUEUE
//
// Its rights are those of whoever's AWS credentials are in the environment. What
// it sent back it logs as audit lines.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/imageresize"
)

func main() { role.Main("deadletters", run) }

const usage = "deadletters list QUEUE | deadletters redrive [-id ID] [-body FILE] QUEUE"

func run(ctx context.Context, _ func(string) string, args []string, out io.Writer) error {
	if len(args) == 0 || (args[0] != "list" && args[0] != "redrive") {
		return fmt.Errorf("%w: %s", role.ErrUsage, usage)
	}
	flags := flag.NewFlagSet("deadletters", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	id := flags.String("id", "", "redrive this message alone")
	file := flags.String("body", "", "file with the body to send in its place")
	if err := flags.Parse(args[1:]); err != nil || flags.NArg() != 1 || (*file != "" && *id == "") || (args[0] == "list" && *id != "") {
		return fmt.Errorf("%w: %s", role.ErrUsage, usage)
	}
	body, err := bodyOf(*file)
	if err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	cfg, err := imageresize.LoadAWS(ctx)
	if err != nil {
		return err
	}
	letters, err := imageresize.OpenDeadLetters(ctx, sqs.NewFromConfig(cfg), flags.Arg(0))
	if err != nil {
		return err
	}
	if args[0] == "list" {
		return list(ctx, letters, out)
	}
	return redrive(ctx, letters, *id, body, flags.Arg(0), out)
}

func bodyOf(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	raw, err := os.ReadFile(file)
	if err == nil && len(raw) == 0 {
		err = fmt.Errorf("%s is empty", file)
	}
	return string(raw), err
}

// list prints one JSON object a line.
func list(ctx context.Context, letters *imageresize.DeadLetters, out io.Writer) error {
	all, err := letters.List(ctx)
	lines := json.NewEncoder(out)
	for _, l := range all {
		if err := lines.Encode(l); err != nil {
			return err
		}
	}
	return err
}

func redrive(ctx context.Context, letters *imageresize.DeadLetters, id, body, queue string, out io.Writer) error {
	sent, err := letters.Redrive(ctx, id, body)
	log := slog.New(slog.NewJSONHandler(out, nil))
	for _, l := range sent {
		log.Info("audit", "action", "redrive", "queue", queue, "id", l.ID, "reason", l.Reason, "repaired", body != "")
	}
	if err == nil && len(sent) == 0 {
		return fmt.Errorf("%s has no such dead letter", queue)
	}
	return err
}
