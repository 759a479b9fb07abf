package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"time"
)

// wrk2 is wrk with a rate and latency from the due time. Distributions do not
// have it, so it is used where somebody has put it on the path.
type wrk2 struct{ program string }

func findWrk2() *wrk2 {
	program, err := exec.LookPath("wrk2")
	if err != nil {
		return nil
	}
	return &wrk2{program}
}

func (w *wrk2) name() string {
	if w == nil {
		return "wrk2: not to be had here"
	}
	return "wrk2"
}

// atRate returns nothing to run where wrk2 is missing. It measures after 10 s of
// calibration.
func (w *wrk2) atRate(url string, rate int, row time.Duration) func(context.Context) (sample, error) {
	if w == nil {
		return nil
	}
	return func(ctx context.Context) (sample, error) {
		args := append([]string{"-L", fmt.Sprintf("-R%d", rate)}, wrkArgs(row, url)...)
		text, cpu, err := runClient(ctx, row, nil, w.program, args...)
		if err != nil {
			return sample{}, err
		}
		s, err := parseWrk2(text)
		s.client = cpu
		return s, err
	}
}

func parseWrk2(text string) (sample, error) {
	s, err := parseWrk(text)
	if err != nil {
		return s, err
	}
	for quantile, to := range map[string]*time.Duration{
		"50.000": &s.latency.p50, "90.000": &s.latency.p90, "99.000": &s.latency.p99, "100.000": &s.latency.max,
	} {
		found := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(quantile) + `%\s+([\d.]+)(us|ms|s|m)\s*$`).FindStringSubmatch(text)
		if found == nil {
			return s, fmt.Errorf("wrk2 says nothing about %s %%: %.400q", quantile, text)
		}
		if *to, err = time.ParseDuration(found[1] + found[2]); err != nil {
			return s, fmt.Errorf("wrk2: %w", err)
		}
	}
	return s, nil
}
