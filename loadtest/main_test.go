package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/scenarios"
)

// short is a load that shows whether the guarantee holds, and nothing about speed.
func short(t *testing.T, s scenarios.Scenario) options {
	t.Helper()
	return options{
		scenario: s, rate: s.Target.Rate / 20, records: 2000, duration: 10 * time.Second, warmUp: time.Second,
		reports: t.TempDir(), untimed: true,
	}
}

// judged runs a load and returns its report.
func judged(t *testing.T, o options) *report.Report {
	t.Helper()
	if _, err := once(t.Context(), o, t.Output()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(o.reports, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("reports: %q, %v, want one", files, err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var r report.Report
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

func TestEveryScenarioKeepsItsGuaranteeUnderAShortLoad(t *testing.T) {
	for _, s := range scenarios.All() {
		if !s.Runs() {
			continue
		}
		t.Run(s.Slug, func(t *testing.T) {
			if r := judged(t, short(t, s)); r.Verdict != report.Verdict(judge.Pass) {
				t.Errorf("verdict %s: %s", r.Verdict, r.Reason)
			}
		})
	}
}

// TestTheJudgeFailsBrokenBuilds breaks the URL shortener in one place each and
// wants the check that is there for it to say so.
func TestTheJudgeFailsBrokenBuilds(t *testing.T) {
	for _, tt := range []struct {
		name      string
		file      string // below scenarios/urlshortener
		old, new  string
		check     string // that must fail
		complains string // with this in its sentence
	}{
		{
			"deletions are not announced", "redis.go",
			`pipe.Publish(ctx, changes, link.Code)`, `_ = changes`,
			"visibility", "was deleted",
		},
		{
			"aliases are acknowledged and not written", "dynamodb.go",
			`rec idempotency.Record, now time.Time) error {`, `rec idempotency.Record, now time.Time) error { if link.Code[0] >= 'a' { return nil }; `,
			"ledger", "was acknowledged",
		},
		{
			"an alias goes to whoever asks last", "urlshortener.go",
			`if old.liveAt(s.now()) {`, `if false {`,
			"aliases", "was given to 2 owners",
		},
		{
			"expiry is left to the store", "urlshortener.go",
			`(l.Expires.IsZero() || now.Before(l.Expires))`, `(now.IsZero() || true)`,
			"visibility", "expired",
		},
		{
			"clicks count twice", "redis.go",
			`pipe.IncrBy(ctx, clicksKey(name), n)`, `pipe.IncrBy(ctx, clicksKey(name), 2*n)`,
			"clicks", "too many",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := scenarios.Find("urlshortener")
			o := short(t, s)
			o.edits = []stack.Edit{{File: "scenarios/urlshortener/" + tt.file, Old: tt.old, New: tt.new}}
			r := judged(t, o)
			if r.Verdict != report.Verdict(judge.Fail) {
				t.Errorf("verdict %s, want fail", r.Verdict)
			}
			for _, c := range r.Checks {
				if c.Name == tt.check && c.Result == report.Verdict(judge.Fail) && strings.Contains(c.Sentence, tt.complains) {
					return
				}
			}
			t.Errorf("no failed check %q with %q in %+v", tt.check, tt.complains, r.Checks)
		})
	}
}

func TestMistakesInTheCallExitWithTwo(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"nosuch"},
		{"ordernotify"},
		{"urlshortener", "more"},
		{"-rate", "0.1", "urlshortener"},
		{"-rate", "x", "urlshortener"},
		{"-duration", "1ms", "urlshortener"},
		{"-records", "-1", "urlshortener"},
		{"-drill", "nosuch", "urlshortener"},
		{"-nosuch"},
	} {
		verdict, err := run(t.Context(), args, t.Output(), t.Output())
		if code := exitCode(verdict, err, t.Output()); code != 2 {
			t.Errorf("loadtest %q: exit code %d, want 2", args, code)
		}
	}
}
