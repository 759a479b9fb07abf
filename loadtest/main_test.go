package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
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

// broken is a build of a scenario that breaks one promise, and the check that is
// there to notice.
type broken struct {
	scenario  string
	name      string
	edits     []stack.Edit // below scenarios/<scenario>
	drill     string       // what brings it to light; empty: the load alone
	check     string       // that must fail
	complains string       // with this in its sentence
}

func builds() []broken {
	return []broken{
		{
			scenario: "urlshortener", name: "deletions are not announced",
			edits: []stack.Edit{{File: "redis.go", Old: `pipe.Publish(ctx, changes, link.Code)`, New: `_ = changes`}},
			check: "visibility", complains: "were deleted and served by some process",
		},
		{
			scenario: "urlshortener", name: "aliases are acknowledged and not written",
			edits: []stack.Edit{{
				File: "dynamodb.go", Old: `rec idempotency.Record, now time.Time) error {`,
				New: `rec idempotency.Record, now time.Time) error { if link.Code[0] >= 'a' { return nil }; `,
			}},
			check: "ledger", complains: "was acknowledged",
		},
		{
			scenario: "urlshortener", name: "an alias goes to whoever asks last",
			edits: []stack.Edit{{File: "urlshortener.go", Old: `if old.liveAt(s.now()) {`, New: `if false {`}},
			check: "aliases", complains: "was given to 2 owners",
		},
		{
			scenario: "urlshortener", name: "expiry is left to the store",
			edits: []stack.Edit{{File: "urlshortener.go", Old: `(l.Expires.IsZero() || now.Before(l.Expires))`, New: `(now.IsZero() || true)`}},
			check: "visibility", complains: "expired",
		},
		{
			scenario: "urlshortener", name: "clicks count twice",
			edits: []stack.Edit{{File: "redis.go", Old: `pipe.IncrBy(ctx, clicksKey(name), n)`, New: `pipe.IncrBy(ctx, clicksKey(name), 2*n)`}},
			check: "clicks", complains: "too many",
		},
		{
			scenario: "urlshortener", name: "a repeated creation is not recognized", drill: "lostack",
			edits: []stack.Edit{
				{File: "dynamodb.go", Old: `{s.keys.Put(rec, now), s.put(link, old)}`, New: `{s.put(link, old)}`},
				{File: "dynamodb.go", Old: `		return idempotency.ErrExists`, New: `		return errTaken`},
			},
			check: "ledger", complains: "not what was answered",
		},
		{
			scenario: "leaderboard", name: "the ranking ignores ties",
			edits: []stack.Edit{{File: "score.go", Old: `return score<<sequenceBits | (MaxSequence - sequence)`, New: `return score<<sequenceBits | sequence`}},
			check: "board", complains: "who was accepted as",
		},
		{
			scenario: "leaderboard", name: "submissions are acknowledged and not written",
			edits: []stack.Edit{{File: "dynamodb.go", Old: `	if len(items) == 0 {`, New: `	if len(items) == 0 || len(p.records) > 0 && seen.counter%3 == 0 {`}},
			check: "ledger", complains: "was acknowledged",
		},
		{
			scenario: "leaderboard", name: "the last score counts instead of the best",
			edits: []stack.Edit{{File: "committer.go", Old: `sub.Score > best.Score`, New: `sub.Score != best.Score`}},
			check: "best scores", complains: "was acknowledged",
		},
		{
			scenario: "leaderboard", name: "pages are refreshed twice a minute and claim to be fresh",
			edits: []stack.Edit{
				{File: "board.go", Old: `refreshEvery   = 250 * time.Millisecond`, New: `refreshEvery   = 30 * time.Second`},
				{File: "board.go", Old: `freshFor = 800 * time.Millisecond`, New: `freshFor = time.Minute`},
			},
			check: "visibility", complains: "without a mark",
		},
		{
			scenario: "ordernotify", name: "orders are acknowledged and not committed",
			edits: []stack.Edit{{File: "ordernotify.go", Old: `	if err := tx.Commit(ctx); err != nil {`, New: `	if r.Quantity == 3 { return order, nil }; if err := tx.Commit(ctx); err != nil {`}},
			check: "ledger", complains: "was acknowledged",
		},
		{
			scenario: "ordernotify", name: "the stock is taken twice",
			edits: []stack.Edit{{File: "inventory.go", Old: `SET stock = stock - $2 WHERE`, New: `SET stock = stock - 2 * $2 WHERE`}},
			check: "stock", complains: "its confirmed orders leave",
		},
		{
			scenario: "ordernotify", name: "mails are recorded and not sent",
			edits: []stack.Edit{{
				File: "email.go", Old: `	id, err := e.ses.send(ctx, c, ev)`,
				New: `	id, err := "none", error(nil); if c.kind != "received" { id, err = e.ses.send(ctx, c, ev) }`,
			}},
			check: "mails", complains: "has no mail that it is received",
		},
		{
			scenario: "ordernotify", name: "a mail that is on record goes out again", drill: "lostack",
			edits: []stack.Edit{{File: "mails.go", Old: `	c.over = *before == "sent" || *before == "refused"`, New: `	return c, nil`}},
			check: "second mails", complains: "went out a second time",
		},
		{
			scenario: "ordernotify", name: "a repeated order is not recognized", drill: "lostack",
			edits: []stack.Edit{{File: "ordernotify.go", Old: `	if found {`, New: `	if found && false {`}},
			check: "ledger", complains: "is there 2 times",
		},
	}
}

func TestTheJudgeFailsBrokenBuilds(t *testing.T) {
	for _, b := range builds() {
		if s, _ := scenarios.Find(b.scenario); !s.Runs() {
			continue // a draft is not proved yet
		}
		t.Run(b.scenario+"/"+b.name, func(t *testing.T) {
			s, _ := scenarios.Find(b.scenario)
			o := short(t, s)
			if o.drill = b.drill; o.drill != "" {
				o.rate *= 4 // the fault is short, and has to hit
			}
			for _, e := range b.edits {
				e.File = "scenarios/" + b.scenario + "/" + e.File
				o.edits = append(o.edits, e)
			}
			r := judged(t, o)
			if r.Verdict != report.Verdict(judge.Fail) {
				t.Errorf("verdict %s, want fail", r.Verdict)
			}
			if !slices.ContainsFunc(r.Checks, func(c report.Check) bool {
				return c.Name == b.check && c.Result == report.Verdict(judge.Fail) && strings.Contains(c.Sentence, b.complains)
			}) {
				t.Errorf("no failed check %q with %q in %+v", b.check, b.complains, r.Checks)
			}
		})
	}
}

func TestMistakesInTheCallExitWithTwo(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"nosuch"},
		{"mediatranscode"},
		{"urlshortener", "more"},
		{"compare"},
		{"compare", "no-such-report.json"},
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
