// Command bench prints figures side by side with peers, on the same machine in
// the same run: what a redirect of the URL shortener costs in processor time,
// beside nginx and wrk, or what the load generator is worth, beside wrk, vegeta
// and, where it is installed, wrk2, or what Go costs in a Cloudflare Worker, beside
// JavaScript.
//
//	go run ./loadtest/bench [-seconds N] [-rounds N] [loadtest|edge]
//
// It judges nothing. It exits with 0 when the table is printed, 1 when the run
// broke or was interrupted, 2 for a mistake in the call or where nginx or wrk
// can't be had.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"
)

var errUsage = errors.New("usage")

// maxTime bounds a run: the first one installs and compiles.
const maxTime = time.Hour

func main() {
	// As the load test itself: one thread, and the collector seldom.
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(exitCode(err, os.Stderr))
}

func exitCode(err error, out io.Writer) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(out, "bench:", err)
	if errors.Is(err, errUsage) {
		return 2
	}
	return 1
}

// run prints the table to out, and how it goes to errOut.
func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	o, err := parse(args, errOut)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	switch o.subject {
	case "loadtest":
		return generators(ctx, o, out, errOut)
	case "edge":
		return edge(ctx, o, out, errOut)
	}
	return redirects(ctx, o, out, errOut)
}

// options are what the command line asks for.
type options struct {
	row     time.Duration // of each measurement
	rounds  int
	subject string // loadtest: load generators; edge: Workers; empty: redirects
}

func parse(args []string, errOut io.Writer) (options, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(errOut)
	seconds := flags.Int("seconds", 5, "duration of each measurement")
	rounds := flags.Int("rounds", 3, "measurements of each row; the table shows their median")
	if err := flags.Parse(args); err != nil {
		return options{}, fmt.Errorf("%w: see above", errUsage)
	}
	switch {
	case flags.NArg() > 1 || !slices.Contains([]string{"", "loadtest", "edge"}, flags.Arg(0)):
		return options{}, fmt.Errorf("%w: the one argument is loadtest or edge, got %q", errUsage, flags.Args())
	case *seconds < 1 || *seconds > 60:
		return options{}, fmt.Errorf("%w: -seconds must be between 1 and 60", errUsage)
	case *rounds < 1 || *rounds > 9:
		return options{}, fmt.Errorf("%w: -rounds must be between 1 and 9", errUsage)
	}
	return options{row: time.Duration(*seconds) * time.Second, rounds: *rounds, subject: flags.Arg(0)}, nil
}
