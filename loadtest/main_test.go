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
		scenario: s, rate: max(2, s.Target.Rate/20), records: min(2000, max(20, s.Target.Records/10)), duration: 10 * time.Second, warmUp: time.Second,
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
			scenario: "leaderboard", name: "pages are refreshed three times a minute and claim to be fresh",
			edits: []stack.Edit{
				{File: "board.go", Old: `refreshEvery   = 250 * time.Millisecond`, New: `refreshEvery   = 20 * time.Second`},
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
				File: "email.go", Old: `	id, err := e.ses.send(calling, c, ev)`,
				New: `	id, err := "none", error(nil); if c.kind != "received" { id, err = e.ses.send(calling, c, ev) }`,
			}},
			check: "mails", complains: "has no mail that it is received",
		},
		{
			scenario: "ordernotify", name: "a mail that is on record goes out again", drill: "lostack",
			edits: []stack.Edit{{File: "mails.go", Old: `	c.over = *before == "sent" || *before == "refused"`, New: `	return c, nil`}},
			check: "second mails", complains: "neither a lost answer nor a killed process explains it",
		},
		{
			scenario: "ordernotify", name: "a mail is taken over while another process sends it",
			edits: []stack.Edit{
				{File: "mails.go", Old: `m.doubted_at + make_interval(secs => $5) < now()`, New: `$5 > 0.0`},
				// Two copies of each message, as a relay that repeats itself sends them.
				{File: "sns.go", Old: `	out, err := t.client.PublishBatch(ctx, in)`, New: `	t.client.PublishBatch(ctx, in); out, err := t.client.PublishBatch(ctx, in)`},
			},
			check: "second mails", complains: "neither a lost answer nor a killed process explains it",
		},
		{
			scenario: "ordernotify", name: "a repeated order is not recognized", drill: "lostack",
			edits: []stack.Edit{{File: "ordernotify.go", Old: `	if found {`, New: `	if found && false {`}},
			check: "ledger", complains: "is there 2 times",
		},
		{
			scenario: "imageresize", name: "a size is recorded and not stored",
			edits: []stack.Edit{{File: "s3.go", Old: `	_, err := i.client.PutObject(ctx,`, New: `	if o.Name == "small" { return nil }; _, err := i.client.PutObject(ctx,`}},
			check: "sizes", complains: "is not there",
		},
		{
			scenario: "imageresize", name: "the newest version is resized instead of the announced one", drill: "overwritten",
			edits: []stack.Edit{
				{File: "s3.go", Old: `Key: &v.Key, VersionId: &v.ID}`, New: `Key: &v.Key}`},
				{File: "s3.go", Old: `	if v.ETag != "" {`, New: `	if false {`},
			},
			check: "sizes", complains: "shows picture",
		},
		{
			scenario: "imageresize", name: "a version is recorded before its sizes are there",
			edits: []stack.Edit{{
				File: "resize.go", Old: `		g.Go(func() error { return r.images.write(ctx, v, objects[i], m.Data) })`,
				New: `		go func() { time.Sleep(3 * time.Second); r.images.write(context.WithoutCancel(ctx), v, objects[i], m.Data) }()`,
			}},
			check: "records", complains: "had a record before its size",
		},
		{
			scenario: "imageresize", name: "a refused image does not say why",
			edits: []stack.Edit{{File: "resize.go", Old: `Reason: string(refused.Reason)`, New: `Reason: "failed"`}},
			check: "ends", complains: "ended as failed(failed)",
		},
		{
			scenario: "imageresize", name: "a version is recorded each time its event comes", drill: "tripled",
			edits: []stack.Edit{
				{File: "dynamodb.go", Old: `		ConditionExpression: aws.String("attribute_not_exists(#k)"), ExpressionAttributeNames: map[string]string{"#k": "key"},`, New: ``},
				{File: "resize.go", Old: `	if known {`, New: `	if known && false {`},
			},
			check: "records", complains: "and then done since",
		},
		{
			scenario: "imageresize", name: "nobody looks for lost events", drill: "lost-events",
			edits: []stack.Edit{{File: "sweeper.go", Old: `			if resent++; resent <= maxResend {`, New: `			if resent++; false {`}},
			check: "ends", complains: "has neither three sizes nor a reason",
		},
		{
			scenario: "orderprocessor", name: "orders are acknowledged before the queue has them",
			edits: []stack.Edit{{File: "intake.go", Old: `	if err := i.queue.Send(ctx, message(o, start)); err != nil {`, New: `	if o.Items[0].Quantity == 3 {
	} else if err := i.queue.Send(ctx, message(o, start)); err != nil {`}},
			check: "ledger", complains: "was acknowledged",
		},
		{
			scenario: "orderprocessor", name: "a repeated order is not recognized", drill: "lostack",
			edits: []stack.Edit{
				{File: "tables.go", Old: `rowSeen + o.id, ""`, New: `rowSeen + o.id + time.Now().Format(".000000000"), ""`},
				{File: "tables.go", Old: `rowOrder + o.id, ""`, New: `rowOrder + o.id + time.Now().Format(".000000000"), ""`},
			},
			check: "ledger", complains: "is there 2 times",
		},
		{
			scenario: "orderprocessor", name: "every order has a session of its own",
			edits: []stack.Edit{
				{File: "message.go", Old: `SessionID: to.Ptr(o.Customer)`, New: `SessionID: to.Ptr(o.id)`},
				{File: "message.go", Old: `*m.SessionID != o.Customer`, New: `*m.SessionID != o.id && *m.SessionID == ""`},
				{File: "processor.go", Old: `	fresh, err := p.store.apply(`, New: `	if o.id[0] < '8' {
		time.Sleep(3 * time.Second)
	}
	fresh, err := p.store.apply(`},
				{File: "processor.go", Old: `	"log/slog"
`, New: `	"log/slog"
	"time"
`},
			},
			check: "order", complains: "and applied before it",
		},
		{
			scenario: "orderprocessor", name: "an outage is taken for poison", drill: "outage",
			edits: []stack.Edit{{File: "processor.go", Old: `	case err != nil:
		return servicebusconsumer.Unavailable(err)
`, New: `	case err != nil:
		return servicebusconsumer.Permanent(reasonStorage, err)
`}},
			check: "dead letters", complains: "healthy orders are on the dead-letter queue",
		},
		{
			scenario: "orderprocessor", name: "the status forgets what was there",
			edits: []stack.Edit{{File: "tables.go", Old: `total: before.total + o.total()`, New: `total: o.total()`}},
			check: "customers", complains: "the orders make it",
		},
		{
			scenario: "webhooks", name: "events are acknowledged before Pub/Sub has them", drill: "publish-fails",
			edits: []stack.Edit{{File: "receiver.go", Old: `if err := r.events.Publish(ctx, message(event)); err != nil {`, New: `go r.events.Publish(context.WithoutCancel(ctx), message(event)); if err != nil {`}},
			check: "ledger", complains: "was acknowledged",
		},
		{
			scenario: "webhooks", name: "a repeated event is applied again", drill: "same-event",
			edits: []stack.Edit{{
				File: "inbox.go", Old: `FROM fresh GROUP BY provider, account`,
				New: `FROM given GROUP BY provider, account`,
			}},
			check: "accounts", complains: "its events make it",
		},
		{
			scenario: "webhooks", name: "events have no order",
			edits: []stack.Edit{
				{File: "message.go", Old: `OrderingKey: e.provider + "/" + e.Account,`, New: ``},
				{File: "pull.go", Old: `		p.handle(context`, New: `		if m.ID[max(0, len(m.ID)-2)]%2 == 0 { time.Sleep(700 * time.Millisecond) } // every tenth is of the hot account
		p.handle(context`},
			},
			check: "order", complains: "and applied before it",
		},
		{
			scenario: "webhooks", name: "signatures are not compared", drill: "bad-signatures",
			edits: []stack.Edit{{File: "receiver.go", Old: `if err := claim.Verify(raw); err != nil {`, New: `if err := claim.Verify(raw); err != nil && false {`}},
			check: "ledger", complains: "nobody asked for it",
		},
		{
			scenario: "webhooks", name: "an outage is taken for poison", drill: "outage",
			edits: []stack.Edit{{File: "processor.go", Old: `if err == nil || !away(err) {`, New: `if err == nil || err != nil {`}, {File: "processor.go", Old: `	case away(err):
		finish(batch, err) // the process ends`, New: ``}},
			check: "dead letters", complains: "healthy events are on the dead-letter topic",
		},
		{
			scenario: "pubsubdlq", name: "the inbox is not asked", drill: "lostack",
			edits: []stack.Edit{{File: "biller.go", Old: `	if first {`, New: `	if first || true {`}},
			check: "ledger", complains: "is there 2 times",
		},
		{
			scenario: "pubsubdlq", name: "poison is acknowledged and not buried", drill: "subscriber-killed",
			edits: []stack.Edit{{
				File: "biller.go", Old: `	if err != nil {
		return err
	}
	amount, err`, New: `	if err != nil {
		return nil
	}
	amount, err`,
			}},
			check: "dead-letter topic", complains: "never came from the dead-letter topic",
		},
		{
			scenario: "pubsubdlq", name: "usage is accepted before the topic has it", drill: "subscriber-killed",
			edits: []stack.Edit{{File: "intake.go", Old: `	if err := i.topic.Publish(`, New: `	if id[len(id)-1] == '7' {
		err = nil
	} else if err := i.topic.Publish(`}},
			check: "ledger", complains: "was acknowledged",
		},
		{
			scenario: "pubsubdlq", name: "an outage counts as a failure of the message", drill: "outage",
			edits: []stack.Edit{{File: "biller.go", Old: `	return pubsubconsumer.Unavailable(err)
}`, New: `	return pubsubconsumer.Permanent("database-away", err)
}`}},
			check: "dead letters", complains: "is healthy and was dead-lettered",
		},
		{
			scenario: "pubsubdlq", name: "the balance forgets charges", drill: "subscriber-killed",
			edits: []stack.Edit{{File: "biller.go", Old: `SET balance = balance + $2 WHERE id = $1`, New: `SET balance = $2 WHERE id = $1`}},
			check: "balances", complains: "is not the sum of their charges",
		},
		{
			scenario: "servicebusdlq", name: "what was booked is not remembered", drill: "lostack",
			edits: []stack.Edit{
				{File: "ledger.go", Old: `rowSeen+digest(p.id), ""`, New: `rowSeen+digest(p.id)+time.Now().Format(".000000000"), ""`},
				{File: "ledger.go", Old: `chargeRow(rowCharge+digest(p.id), p`, New: `chargeRow(rowCharge+digest(p.id)+time.Now().Format(".000000000"), p`},
			},
			check: "ledger", complains: "is there 2 times",
		},
		{
			scenario: "servicebusdlq", name: "poison is completed and not dead-lettered", drill: "burst",
			edits: []stack.Edit{{File: "processor.go", Old: `		return servicebusconsumer.Permanent(bad.reason, bad.err)
`, New: `		return nil
`}},
			check: "letters", complains: "was acknowledged",
		},
		{
			scenario: "servicebusdlq", name: "an outage is taken for poison", drill: "outage",
			edits: []stack.Edit{{File: "processor.go", Old: `	case err != nil:
		return servicebusconsumer.Unavailable(err)
	}
	if fresh {`, New: `	case err != nil:
		return servicebusconsumer.Permanent(reasonStorage, err)
	}
	if fresh {`}},
			check: "innocent", complains: "is healthy and is quarantined",
		},
		{
			scenario: "servicebusdlq", name: "no canary goes first", drill: "resubmit-twice",
			edits: []stack.Edit{{File: "resubmit.go", Old: `		if r.Booked == 0 && r.Sent > 0 {
			return nil // the canary is on its way
		}
`, New: ``}},
			check: "canary", complains: "to the broken processor and",
		},
		{
			scenario: "servicebusdlq", name: "a charge loses a cent", drill: "burst",
			edits: []stack.Edit{{File: "ledger.go", Old: `aztables.EDMInt64(amount)`, New: `aztables.EDMInt64(amount - 1)`}},
			check: "amounts", complains: "was booked for",
		},
		{
			scenario: "checkout", name: "each attempt has a key of its own at the provider", drill: "provider-silent",
			edits: []stack.Edit{{File: "payment.go", Old: `req.Header.Set("Idempotency-Key", order)`, New: `req.Header.Set("Idempotency-Key", fmt.Sprint(order, time.Now().UnixNano()))`}},
			check: "money", complains: "was charged",
		},
		{
			scenario: "checkout", name: "the order's id is not made of the key", drill: "lostack",
			edits: []stack.Edit{{File: "checkout.go", Old: `return uuid.NewSHA1(space, []byte(c.Customer+"\x00"+c.Key)).String()`, New: `return uuid.NewSHA1(space, []byte(uuid.NewString())).String()`}},
			check: "ledger", complains: "is there 2 times",
		},
		{
			scenario: "checkout", name: "a declined order keeps its stock",
			edits: []stack.Edit{{File: "settle.go", Old: `SET stock = p.stock + b.quantity FROM back`, New: `SET stock = p.stock + 0 * b.quantity FROM back`}},
			check: "stock", complains: "its orders leave",
		},
		{
			scenario: "checkout", name: "carts are acknowledged before the queue has them", drill: "pooler-killed",
			edits: []stack.Edit{{File: "http.go", Old: `if err := a.enqueue(r.Context(), c); err != nil {`, New: `if err := r.Context().Err(); err != nil {`}},
			check: "ledger", complains: "was acknowledged",
		},
		{
			scenario: "checkout", name: "nobody settles what was left pending", drill: "provider-silent",
			edits: []stack.Edit{{File: "run.go", Old: `go func() { defer close(done); w.recover(ctx) }()`, New: `go func() { defer close(done); <-ctx.Done() }()`}},
			check: "settled orders", complains: "is still pending",
		},
		{
			scenario: "edgeapi", name: "the version is not compared",
			edits: []stack.Edit{
				{File: "writes.go", Old: `FROM items WHERE id = ? AND version = ? ON CONFLICT (key) DO NOTHING`, New: `FROM items WHERE id = ? AND version >= ? ON CONFLICT (key) DO NOTHING`},
				{File: "writes.go", Old: `		 WHERE id = ? AND version = ? AND EXISTS (SELECT 1 FROM keys WHERE key = ? AND attempt = ?)`, New: `		 WHERE id = ? AND version >= ? AND EXISTS (SELECT 1 FROM keys WHERE key = ? AND attempt = ?)`},
			},
			check: "answers", complains: "were both acknowledged as version",
		},
		{
			scenario: "edgeapi", name: "a repeated write is not recognized",
			edits: []stack.Edit{{File: "changes.go", Old: `Key{Name: name, Hash`, New: `Key{Name: name + random(), Hash`}},
			check: "visibility", complains: "and its repetition",
		},
		{
			scenario: "edgeapi", name: "answers for those who are known are cached for everybody",
			edits: []stack.Edit{
				{File: "reads.go", Old: `	if known || since != "" ||`, New: `	if since != "" ||`},
				{File: "reads.go", Old: `entry(body, false, began)`, New: `entry(body, true, began)`},
			},
			check: "answers", complains: "somebody who is not known",
		},
		{
			scenario: "edgeapi", name: "the colo that wrote goes on serving what it has cached",
			edits: []stack.Edit{{File: "changes.go", Old: `	a.purge(r, id)`, New: `	_ = id`}},
			check: "visibility", complains: "in the colo that wrote",
		},
		{
			scenario: "edgeroom", name: "a read is as old as the one before it",
			edits: []stack.Edit{
				{File: "counter.go", Old: `	n, _ := number(got)
	return n, err`, New: `	n, _ := number(got)
	n, c.before = c.before, n
	return n, err`},
				{File: "counter.go", Old: `	since int // increments since`, New: `	before int64
	since int // increments since`},
			},
			check: "linearizable", complains: "could not have happened one request after the other",
		},
		{
			scenario: "edgeroom", name: "a repeated increment counts again",
			edits: []stack.Edit{{File: "counter.go", Old: `key, amount, amount, c.Now()`, New: `key+c.Now().String(), amount, amount, c.Now()`}},
			check: "answers", complains: "and when it was repeated",
		},
		{
			scenario: "edgeroom", name: "a member that comes back misses a message",
			edits: []stack.Edit{{File: "room.go", Old: `m := &member{Client: client, Seen: min(after, r.last)}`, New: `m := &member{Client: client, Seen: min(after, r.last) + min(after, 1)}`}},
			drill: "storm", check: "answers", complains: "was sent message",
		},
		{
			scenario: "edgeroom", name: "a room that is made anew has no history", drill: "killed",
			edits: []stack.Edit{{File: "room.go", Old: `UNIQUE (client, id))")`, New: `UNIQUE (client, id))", "DELETE FROM messages")`}},
			check: "ledger", complains: "was acknowledged",
		},
		{
			scenario: "edgeroom", name: "a message overtakes another",
			edits: []stack.Edit{
				{File: "room.go", Old: `	watched bool  // the alarm is set`, New: `	watched bool
	held told`},
				{File: "room.go", Old: `	return r.tell(ctx, t, live...)`, New: `	if t.Seq%4 == 2 {
		r.held = t
		return nil
	}
	err := r.tell(ctx, t, live...)
	if t.Seq%4 == 3 {
		err = errors.Join(err, r.tell(ctx, r.held, live...))
	}
	return err`},
			},
			check: "answers", complains: "was sent message",
		},
		{
			scenario: "edgeroom", name: "without KV there are no settings", drill: "outage",
			edits: []stack.Edit{{File: "settings.go", Old: `r.last == nil || !now.Before(r.ask)`, New: `r.last == nil || now.Year() > 0`}},
			check: "settings without KV", complains: "were not answered",
		},
		{
			scenario: "edgeroom", name: "the room believes its members' clocks", drill: "clock",
			edits: []stack.Edit{
				{File: "room.go", Old: `	Seq  int64  ` + "`json:\"seq\"`" + ` // with seen`, New: `	At int64
	Seq  int64  ` + "`json:\"seq\"`" + ` // with seen`},
				{File: "room.go", Old: `at := r.Now().UnixMilli()`, New: `at := in.At`},
			},
			check: "order", complains: "is of",
		},
	}
}

// eachPush is how many broken builds of a scenario are judged at every push: the
// first of its list. BUILDS=all judges all of them, which takes half a minute each;
// BUILDS=<slug> all of that scenario, also where it is a draft.
const eachPush = 1

func TestTheJudgeFailsBrokenBuilds(t *testing.T) {
	judgedOf, asked := map[string]int{}, os.Getenv("BUILDS")
	for _, b := range builds() {
		if s, _ := scenarios.Find(b.scenario); !s.Runs() && asked != b.scenario {
			continue // a draft is not proved yet
		}
		if judgedOf[b.scenario]++; judgedOf[b.scenario] > eachPush && asked != "all" && asked != b.scenario {
			continue
		}
		t.Run(b.scenario+"/"+b.name, func(t *testing.T) {
			t.Parallel() // each has servers of its own, and waits most of the time
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

func TestAProxyOrABrokenBuildTakesRolesAsProcesses(t *testing.T) {
	s, _ := scenarios.Find("ordernotify")
	for name, want := range map[string]bool{"": false, "deploy": false, "overload": false, "freeze": false, "inventory-down": false, "lostack": true, "ses-lost": true} {
		o := options{scenario: s, drill: name, duration: time.Minute}
		if why := o.needsProcesses(o.planned(), ""); (why != "") != want {
			t.Errorf("drill %q: %q, want a reason: %v", name, why, want)
		}
	}
	o := options{scenario: s, edits: []stack.Edit{{File: "a.go", Old: "a", New: "b"}}}
	if o.needsProcesses(o.planned(), "") == "" {
		t.Error("a broken build runs in a container of the compose file")
	}
	if (options{scenario: s}).needsProcesses(scenarios.Drill{}, "postgres") == "" {
		t.Error("a server of somebody else's is left out")
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
		{"-drill", "redis-down,nosuch", "urlshortener"},
		{"-nosuch"},
	} {
		verdict, err := run(t.Context(), args, t.Output(), t.Output())
		if code := exitCode(verdict, err, t.Output()); code != 2 {
			t.Errorf("loadtest %q: exit code %d, want 2", args, code)
		}
	}
}
