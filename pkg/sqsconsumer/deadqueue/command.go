package deadqueue

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// ErrUsage says that Command was called in a way that it does not know.
var ErrUsage = errors.New("deadletters list QUEUE | deadletters redrive [-id ID] [-body FILE] QUEUE")

// Command is a command line for operators:
//
//	list QUEUE
//	redrive [-id ID] [-body FILE] QUEUE
//
// It writes a JSON object a line: the letters, or an audit line for each that was
// sent back. It asks connect for a client when the arguments are in order.
func Command(ctx context.Context, connect func(context.Context) (*sqs.Client, error), args []string, out io.Writer) error {
	c, err := parse(args)
	if err != nil {
		return err
	}
	client, err := connect(ctx)
	if err != nil {
		return err
	}
	letters, err := Open(ctx, client, c.queue)
	if err != nil {
		return err
	}
	if c.redrive {
		return c.sendBack(ctx, letters, out)
	}
	return list(ctx, letters, out)
}

// call is what the arguments ask for.
type call struct {
	redrive         bool
	queue, id, body string
}

func parse(args []string) (call, error) {
	if len(args) == 0 || (args[0] != "list" && args[0] != "redrive") {
		return call{}, ErrUsage
	}
	c := call{redrive: args[0] == "redrive"}
	flags := flag.NewFlagSet("deadletters", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.id, "id", "", "redrive this message alone")
	file := flags.String("body", "", "file with the body to send in its place")
	if err := flags.Parse(args[1:]); err != nil || flags.NArg() != 1 || (*file != "" && c.id == "") || (!c.redrive && c.id != "") {
		return call{}, ErrUsage
	}
	c.queue = flags.Arg(0)
	if *file == "" {
		return c, nil
	}
	raw, err := os.ReadFile(*file)
	if err == nil && len(raw) == 0 {
		err = fmt.Errorf("%s is empty", *file)
	}
	if err != nil {
		return call{}, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	c.body = string(raw)
	return c, nil
}

func list(ctx context.Context, letters *DeadQueue, out io.Writer) error {
	all, err := letters.List(ctx)
	lines := json.NewEncoder(out)
	for _, l := range all {
		if err := lines.Encode(l); err != nil {
			return err
		}
	}
	return err
}

func (c call) sendBack(ctx context.Context, letters *DeadQueue, out io.Writer) error {
	sent, err := letters.Redrive(ctx, c.id, c.body)
	log := slog.New(slog.NewJSONHandler(out, nil))
	for _, l := range sent {
		log.Info("audit", "action", "redrive", "queue", c.queue, "id", l.ID, "reason", l.Reason, "repaired", c.body != "")
	}
	if err == nil && len(sent) == 0 {
		return fmt.Errorf("%s has no such dead letter", c.queue)
	}
	return err
}
