// Command servicebustest serves Azure Service Bus on this machine: AMQP 1.0 for
// clients in any language, the administration API and /health over HTTP.
//
//	go run ./pkg/servicebustest/cmd/servicebustest -config Config.json -journal ./data
//
// It prints its connection string when it is ready, and ends in order on SIGINT
// and SIGTERM. With the one argument healthcheck it asks the server on the
// default port how it is, as containers do. Exit codes: 0 ended, 1 failed,
// 2 usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest"
	"github.com/provingground/provingground/pkg/servicebustest/access"
	"github.com/provingground/provingground/pkg/servicebustest/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "servicebustest:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "servicebustest:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage")

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	if len(args) == 1 && args[0] == "healthcheck" {
		return healthcheck(ctx)
	}
	o, err := options(args, errs)
	if err != nil {
		return err
	}
	s, err := servicebustest.NewServer(o)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "amqp %s\nadmin http://%s\n%s\n", s.Addr(), s.AdminAddr(), s.ConnectionString())
	select {
	case <-ctx.Done():
		return s.Close()
	case <-s.Failed():
		return errors.Join(s.Err(), s.Close())
	}
}

// healthcheck asks the server on the default port.
func healthcheck(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:5672/health", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	if _ = answer.Body.Close(); answer.StatusCode != http.StatusOK {
		return fmt.Errorf("health: %s", answer.Status)
	}
	return nil
}

func options(args []string, errs io.Writer) (servicebustest.Options, error) {
	var o servicebustest.Options
	var file string
	flags := flag.NewFlagSet("servicebustest", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&o.Addr, "addr", "127.0.0.1:5672", "address of AMQP")
	flags.StringVar(&o.AdminAddr, "admin", "127.0.0.1:5300", "address of the administration API and /health")
	flags.StringVar(&file, "config", "", "Config.json of Microsoft's emulator with the entities to begin with")
	flags.StringVar(&o.JournalDir, "journal", "", "folder that keeps everything over restarts and crashes; default: memory only")
	flags.IntVar(&o.MaxConnections, "connections", 0, "how many connections may be open, default 1,000")
	flags.BoolVar(&o.NotFoundAtAttach, "not-found-at-attach", false, "tell clients of a missing entity when they open a link, not when they authorize")
	flags.Func("key", "name:secret:rights, rights being some of Send,Listen,Manage; repeatable; default: tokens are not checked", func(s string) error {
		key, err := parseKey(s)
		o.Keys = append(o.Keys, key)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return o, errors.Join(errUsage, err)
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%w: unexpected argument %q", errUsage, flags.Arg(0))
	}
	return o, readConfig(&o, file)
}

func readConfig(o *servicebustest.Options, file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	defer func() { _ = f.Close() }()
	if o.Config, err = config.Parse(f); err != nil {
		return fmt.Errorf("%w: %s: %w", errUsage, file, err)
	}
	return nil
}

func parseKey(s string) (servicebustest.Key, error) {
	parts := strings.Split(s, ":")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" {
		return servicebustest.Key{}, errors.New("want name:secret:rights")
	}
	key := servicebustest.Key{Name: parts[0], Secret: parts[1]}
	for right := range strings.SplitSeq(parts[2], ",") {
		switch right {
		case "Send":
			key.Rights |= access.Send
		case "Listen":
			key.Rights |= access.Listen
		case "Manage":
			key.Rights |= access.Manage
		default:
			return key, fmt.Errorf("no right %q", right)
		}
	}
	return key, nil
}
