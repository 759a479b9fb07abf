package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/drivers/urlshortener"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/machine"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

const (
	slug   = "urlshortener"
	links  = 5000
	target = "https://example.test/landing/page"
)

// service is the URL shortener with links in it.
type service struct {
	scenario scenarios.Scenario
	stack    *stack.Stack
	driver   *urlshortener.Driver
	hot      string // URL of the one link that wrk asks for
}

func startService(ctx context.Context, cloud *server.Cloud, row time.Duration, say io.Writer) (*service, error) {
	scenario, ok := scenarios.Find(slug)
	if !ok {
		return nil, fmt.Errorf("no scenario %q", slug)
	}
	running, err := stack.Start(ctx, stack.Options{Scenario: scenario, Cloud: cloud, Out: say})
	if err != nil {
		return nil, err
	}
	s := &service{scenario: scenario, stack: running}
	if err := s.fill(ctx, row); err != nil {
		return nil, errors.Join(err, s.close(context.WithoutCancel(ctx)))
	}
	return s, nil
}

func (s *service) fill(ctx context.Context, row time.Duration) (err error) {
	setup := trial.NewSetup(s.scenario, s.stack, rate, links, warmUp, row)
	if s.driver, err = urlshortener.New(setup); err != nil {
		return err
	}
	if err := s.driver.Prepare(ctx, func(int, int) {}); err != nil {
		return err
	}
	s.hot, err = createLink(ctx, s.stack.Instances[0].URL)
	return err
}

// createLink makes a link by the public API and returns its URL.
func createLink(ctx context.Context, base string) (string, error) {
	body, err := json.Marshal(map[string]string{"url": target})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/api/links", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", fmt.Sprintf("bench-hot-link-%d", time.Now().UnixNano()))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var made struct{ Code string }
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&made); err != nil {
		return "", fmt.Errorf("create the hot link: %s: %w", resp.Status, err)
	}
	if resp.StatusCode != http.StatusCreated || made.Code == "" {
		return "", fmt.Errorf("create the hot link: %s", resp.Status)
	}
	return base + "/" + made.Code, nil
}

// redirects is the load test's own flow, without the creations beside it.
func (s *service) redirects() engine.Flow { return s.driver.Flows()[0] }

func (s *service) processes() []machine.Process {
	var all []machine.Process
	for _, in := range s.stack.Instances {
		all = append(all, machine.Process{Name: fmt.Sprintf("%s %d", in.Role, in.Index), Group: machine.Role, PID: in.PID()})
	}
	return all
}

func (s *service) stores() []machine.Process {
	var all []machine.Process
	for _, name := range s.stack.Servers.Names() {
		if pid := s.stack.Servers.Get(name).PID(); pid != 0 {
			all = append(all, machine.Process{Name: name, Group: machine.Server, PID: pid})
		}
	}
	return all
}

func (s *service) close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	return s.stack.Close(ctx)
}
