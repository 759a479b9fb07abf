package main

import (
	"context"
	"errors"
	"fmt"
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

// atMost lets wrk send for the time of a row.
func (w *wrk) atMost(url string, row time.Duration) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		text, cpu, err := runClient(ctx, row, w.env, w.program, wrkArgs(row, url)...)
		if err != nil {
			return sample{}, err
		}
		s, err := parseWrk(text)
		s.client = cpu
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
