package main

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	vegetaModule  = "github.com/tsenart/vegeta/v12"
	vegetaVersion = "v12.13.0"
)

// vegeta is a load generator in Go on net/http. It is built when needed and is no
// dependency of this module.
type vegeta struct{ program, version string }

func findVegeta(ctx context.Context, say io.Writer) (*vegeta, error) {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOMOD: %w", err)
	}
	dir := filepath.Join(filepath.Dir(strings.TrimSpace(string(mod))), ".local", "bin")
	v := &vegeta{program: filepath.Join(dir, "vegeta"), version: "vegeta " + vegetaVersion}
	if info, err := buildinfo.ReadFile(v.program); err == nil && info.Main.Version == vegetaVersion {
		return v, nil
	}
	fmt.Fprintf(say, "building %s@%s\n", vegetaModule, vegetaVersion)
	cmd := exec.CommandContext(ctx, "go", "install", vegetaModule+"@"+vegetaVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+dir)
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: vegeta is needed: %w: %.400s", errUsage, err, text)
	}
	return v, nil
}

// vegetaArgs lets as many workers start as are needed at a rate: with fewer its
// clock starts at the late send. Rate 0 is as fast as 64 workers can.
func vegetaArgs(rate int, row time.Duration) []string {
	args := []string{
		"attack", fmt.Sprintf("-duration=%s", row), "-redirects=-1",
		fmt.Sprintf("-max-connections=%d", connections), fmt.Sprintf("-connections=%d", connections), fmt.Sprintf("-rate=%d", rate),
	}
	if rate == 0 {
		args = append(args, fmt.Sprintf("-workers=%d", connections), fmt.Sprintf("-max-workers=%d", connections))
	}
	return args
}

func (v *vegeta) atMost(url string, row time.Duration) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		s, err := v.attack(ctx, url, 0, row)
		s.latency = quantiles{}
		return s, err
	}
}

func (v *vegeta) atRate(url string, rate int, row time.Duration) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) { return v.attack(ctx, url, rate, row) }
}

// attack counts the processor time of the attack, not of the report on it.
func (v *vegeta) attack(ctx context.Context, url string, rate int, row time.Duration) (sample, error) {
	dir, err := os.MkdirTemp("", "bench-vegeta-")
	if err != nil {
		return sample{}, err
	}
	defer os.RemoveAll(dir)
	targets, results := filepath.Join(dir, "targets"), filepath.Join(dir, "results")
	if err := os.WriteFile(targets, []byte("GET "+url+"\n"), 0o600); err != nil {
		return sample{}, err
	}
	args := append(vegetaArgs(rate, row), "-targets="+targets, "-output="+results)
	_, cpu, err := runClient(ctx, row, nil, v.program, args...)
	if err != nil {
		return sample{}, err
	}
	text, err := exec.CommandContext(ctx, v.program, "report", "-type=json", results).Output()
	if err != nil {
		return sample{}, fmt.Errorf("vegeta report: %w", err)
	}
	s, err := parseVegeta(text)
	s.client = cpu
	return s, err
}

func parseVegeta(text []byte) (sample, error) {
	var r struct {
		Latencies struct {
			P50 time.Duration `json:"50th"`
			P90 time.Duration `json:"90th"`
			P99 time.Duration `json:"99th"`
			Max time.Duration `json:"max"`
		} `json:"latencies"`
		Duration time.Duration    `json:"duration"`
		Wait     time.Duration    `json:"wait"`
		Requests int64            `json:"requests"`
		Codes    map[string]int64 `json:"status_codes"`
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return sample{}, fmt.Errorf("vegeta report: %w: %.200q", err, text)
	}
	if r.Requests == 0 || r.Duration <= 0 {
		return sample{}, fmt.Errorf("vegeta reports no request: %.200q", text)
	}
	return sample{
		requests: r.Requests, failed: r.Requests - r.Codes["302"], elapsed: r.Duration + r.Wait,
		latency: quantiles{r.Latencies.P50, r.Latencies.P90, r.Latencies.P99, r.Latencies.Max},
	}, nil
}
