// Command pubsubtest serves Google Pub/Sub on this machine, for programs in any
// language: set PUBSUB_EMULATOR_HOST to what it prints.
//
//	pubsubtest -address 127.0.0.1:8085 -dir .local/pubsub
//
// With -dir nothing that was answered is lost when it is killed. It ends with
// SIGINT or SIGTERM (exit 0), or when its journal cannot be written (exit 1).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/provingground/provingground/pkg/journal"
	"github.com/provingground/provingground/pkg/pubsubtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "pubsubtest:", err)
		os.Exit(1)
	}
}

var (
	errUsage   = errors.New("usage")
	errJournal = errors.New("the journal cannot be written, so nothing is acknowledged any more")
)

// run serves until ctx is done, and prints one line when it is ready.
func run(ctx context.Context, args []string, out io.Writer) error {
	options, err := parse(args)
	if err != nil {
		return err
	}
	srv, err := pubsubtest.Start(options)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "PUBSUB_EMULATOR_HOST=%s PUBSUB_TOKEN_ISSUER=%s\n", srv.Addr(), srv.URL())
	select {
	case <-ctx.Done():
	case <-srv.Failed():
		err = errJournal
	}
	return errors.Join(err, srv.Close())
}

func parse(args []string) (pubsubtest.Options, error) {
	flags := flag.NewFlagSet("pubsubtest", flag.ContinueOnError)
	address := flags.String("address", "127.0.0.1:8085", "where gRPC listens")
	web := flags.String("http", "127.0.0.1:0", "where the keys of push tokens are published")
	dir := flags.String("dir", "", "folder of the journal; empty: everything is in memory")
	most := flags.Int64("max-bytes", 4<<30, "messages held at most; beyond it publishing waits")
	grants := flags.Bool("dead-letter-grants", false, "forward dead letters only with the grants that the service demands")
	if err := flags.Parse(args); err != nil {
		return pubsubtest.Options{}, errUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(flags.Output(), "unexpected argument %q\n", flags.Arg(0))
		return pubsubtest.Options{}, errUsage
	}
	options := pubsubtest.Options{
		Address: *address, HTTPAddress: *web, EnforceDeadLetterGrants: *grants, MaxBytes: *most,
		Log: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	}
	if *dir != "" {
		options.Folder = journal.Directory(*dir)
	}
	return options, nil
}
