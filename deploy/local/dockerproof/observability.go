//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/scenarios"
)

// watched is the scenario that sends traces and metrics to what is proved here.
const watched = "ordernotify"

const arrivalTime = time.Minute

// observability is the profile that shows traces and metrics, as if it were a
// scenario: its servers and those of the one that it watches.
func observability() scenarios.Scenario {
	s := scenarios.Scenario{Slug: server.ObservabilityProfile}
	for _, d := range server.Observability() {
		s.Needs = append(s.Needs, d.Name)
	}
	shown, _ := scenarios.Find(watched)
	s.Needs = append(s.Needs, shown.Needs...)
	return s
}

// observed is what there is to prove of the profile, one claim after the other.
func (p *proof) observed() [][]claim {
	return [][]claim{
		{{"observability: up brings every container to health, then " + watched + " beside it", p.upObserved}},
		{{"observability: an order's traces come to Jaeger, its metrics to Prometheus, and no panel is empty", p.arrive}},
		{{"observability: down leaves nothing", func(ctx context.Context) error { return errors.Join(p.down(ctx), p.nothingLeft(ctx)) }}},
	}
}

func (p *proof) upObserved(ctx context.Context) error {
	if _, err := output(ctx, p.env(), p.program("local"), "up", server.ObservabilityProfile); err != nil {
		return err
	}
	shown, _ := scenarios.Find(watched)
	if err := p.up(ctx, shown); err != nil {
		return err
	}
	return p.healthy(ctx, observability())
}

// arrive places an order, and waits until its request and the mail for it, which
// another process sends, are in Jaeger, and its answer is counted in Prometheus.
func (p *proof) arrive(ctx context.Context) error {
	at, err := p.addresses(ctx, watched+"/api/0", "jaeger", "prometheus")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, arrivalTime, fmt.Errorf("not within %v", arrivalTime))
	defer cancel()
	order := `{"product":"espresso-cup","quantity":2,"email":"ada@example.com"}`
	if _, err := ask(ctx, http.MethodPost, at[watched+"/api/0"]+"/api/orders", order); err != nil {
		return err
	}
	for _, service := range []string{watched + "-api", watched + "-email"} {
		if err := await(ctx, at["jaeger"]+"/api/traces?limit=1&service="+service, `"traceID"`); err != nil {
			return fmt.Errorf("a trace of %s: %w", service, err)
		}
	}
	questions, err := panels()
	if err != nil {
		return err
	}
	counted := fmt.Sprintf(`%s_responses_total{scenario=%q,role="api",status="202"} > 0`, watched, watched)
	for _, question := range append(questions, counted) {
		if err := await(ctx, at["prometheus"]+"/api/v1/query?query="+url.QueryEscape(question), `"metric"`); err != nil {
			return fmt.Errorf("%s, asked of Prometheus: %w", question, err)
		}
	}
	return nil
}

// panels are what the dashboard asks of Prometheus, for all scenarios.
func panels() ([]string, error) {
	text, err := os.ReadFile("deploy/observability/grafana/dashboards/roles.json")
	if err != nil {
		return nil, err
	}
	var dashboard struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		return nil, err
	}
	var all []string
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			all = append(all, strings.ReplaceAll(target.Expr, "$scenario", ".+"))
		}
	}
	return all, nil
}

// addresses are those on this machine of servers and processes that are up.
func (p *proof) addresses(ctx context.Context, names ...string) (map[string]string, error) {
	status, err := output(ctx, p.env(), p.program("local"), "status")
	if err != nil {
		return nil, err
	}
	at := map[string]string{}
	for line := range strings.Lines(status) {
		if f := strings.Fields(line); len(f) > 3 && slices.Contains(names, f[0]) {
			at[f[0]] = "http://" + f[3]
		}
	}
	if len(at) < len(names) {
		return nil, fmt.Errorf("not all of %q have an address:\n%s", names, status)
	}
	return at, nil
}

// await asks until the answer has the text in it.
func await(ctx context.Context, url, text string) error {
	last := "nothing"
	for {
		answer, err := ask(ctx, http.MethodGet, url, "")
		if err == nil && strings.Contains(answer, text) {
			return nil
		}
		if ctx.Err() == nil { // else it was cut off
			last = fmt.Sprintf("%q, error %v", end(answer), err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %s answers %s", context.Cause(ctx), url, last)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func ask(ctx context.Context, method, url, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, url, resp.Status, answer)
	}
	return string(answer), err
}
