package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
)

// wrk is the other load generator: closed loop, as fast as it gets answers.
type wrk struct {
	program string
	env     []string
	version string
}

func findWrk(ctx context.Context, cloud *server.Cloud) (*wrk, error) {
	program, env, err := tool(ctx, cloud, "usr/bin/wrk", "wrk")
	if err != nil {
		return nil, err
	}
	// It prints its version with its usage, and exits with 1.
	said, err := output(ctx, env, program, "-v")
	if !strings.HasPrefix(said, "wrk ") {
		return nil, errors.Join(fmt.Errorf("%s -v says %.80q", program, said), err)
	}
	version, _, _ := strings.Cut(firstLine(said), " Copyright")
	return &wrk{program: program, env: env, version: version}, nil
}

func wrkArgs(row time.Duration, url string) []string {
	return []string{"-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", row/time.Second), url}
}

// atMost lets wrk send for the time of a row. It has ended when this returns,
// with the kernel's account of its processor time.
func (b *bench) atMost(url string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		ctx, cancel := context.WithTimeout(ctx, 2*b.row+10*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, b.wrk.program, wrkArgs(b.row, url)...)
		cmd.Env = append(os.Environ(), b.wrk.env...)
		text, err := cmd.CombinedOutput()
		if ctx.Err() != nil {
			return sample{}, context.Cause(ctx)
		}
		if err != nil {
			return sample{}, fmt.Errorf("wrk: %w: %.400s", err, text)
		}
		s, err := parseWrk(string(text))
		s.client = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		return s, err
	}
}

// parseWrk reads the totals. Its socket errors come in up to four kinds.
func parseWrk(text string) (sample, error) {
	total := regexp.MustCompile(`(?m)^\s*(\d+) requests in ([\d.]+)(us|ms|s|m),`).FindStringSubmatch(text)
	if total == nil {
		return sample{}, fmt.Errorf("wrk says no total: %.400q", text)
	}
	requests, err := strconv.ParseInt(total[1], 10, 64)
	if err != nil {
		return sample{}, fmt.Errorf("wrk: %w", err)
	}
	elapsed, err := time.ParseDuration(total[2] + total[3])
	if err != nil {
		return sample{}, fmt.Errorf("wrk: %w", err)
	}
	s := sample{requests: requests, elapsed: elapsed}
	for _, line := range regexp.MustCompile(`(?m)^\s*(Socket errors|Non-2xx or 3xx responses): .*$`).FindAllString(text, -1) {
		_, counts, _ := strings.Cut(line, ":")
		for _, n := range regexp.MustCompile(`\d+`).FindAllString(counts, -1) {
			count, err := strconv.ParseInt(n, 10, 64)
			if err != nil {
				return sample{}, fmt.Errorf("wrk: %w", err)
			}
			s.failed += count
		}
	}
	return s, nil
}
