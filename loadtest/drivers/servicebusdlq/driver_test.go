package servicebusdlq

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/ledger"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

func newDriver(t *testing.T, rate float64) *Driver {
	t.Helper()
	sc, _ := scenarios.Find("servicebusdlq")
	s := &stack.Stack{Instances: []*stack.Instance{
		{Role: "producer", URL: "http://127.0.0.1:1", AdminURL: "http://127.0.0.1:3"},
		{Role: "producer", Index: 1, URL: "http://127.0.0.1:2", AdminURL: "http://127.0.0.1:4"},
	}}
	d, err := New(trial.NewSetup(sc, s, rate, 20, 0, 10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOneOfAHundredPaymentsIsPoisonAndEachKindHasItsShare(t *testing.T) {
	d := newDriver(t, 200)
	ids, kinds := map[string]bool{}, map[kind]int{}
	for k := range int64(2000) {
		p := d.payment(k)
		ids[p.id] = true
		kinds[p.kind]++
		request, err := d.request(p)
		if err != nil || !strings.Contains(string(request), "Idempotency-Key: "+p.id) {
			t.Fatalf("payment %d: %s, %v", k, request, err)
		}
		_, body, _ := strings.Cut(string(request), "\r\n\r\n")
		var sent struct {
			Account string
			Ordered bool
			Data    json.RawMessage
		}
		if err := json.Unmarshal([]byte(body), &sent); err != nil || sent.Account != p.account || sent.Ordered != p.ordered {
			t.Fatalf("payment %d: %s, %v", k, body, err)
		}
	}
	if want := fmt.Sprint(map[kind]int{wholesome: 1980, malformed: 4, version: 4, unpriced: 4, slow: 4, partless: 4}); len(ids) != 2000 || fmt.Sprint(kinds) != want {
		t.Errorf("%d ids, kinds %v, want %s", len(ids), kinds, want)
	}
}

func TestDrillsDecideWhatIsPoison(t *testing.T) {
	d := newDriver(t, 20)
	d.orderedPoison.Store(true)
	poisoned, healthy := map[string]bool{}, map[string]bool{}
	for k := int64(0); k < 400; k += orderedOf {
		switch p := d.payment(k); p.kind {
		case unpriced:
			poisoned[p.account] = true
		case wholesome:
			healthy[p.account] = true
		}
	}
	if n := int(d.sessions()); len(poisoned) != n || len(healthy) != n {
		t.Errorf("%d accounts have poison and %d have others, want %d of both", len(poisoned), len(healthy), n)
	}
	d.allPoison.Store(true)
	for k := range int64(10) {
		if d.kindOf(k) == wholesome {
			t.Errorf("payment %d of a burst is healthy", k)
		}
	}
	d.noPoison.Store(true)
	for k := range int64(100) {
		if d.kindOf(k) != wholesome {
			t.Errorf("payment %d is poison, want none", k)
		}
	}
}

func TestEveryAccountOfTheQueueWithSessionsComesAgain(t *testing.T) {
	for _, rate := range []float64{2, 10, 50, 200, 1000} {
		d := newDriver(t, rate)
		n := map[string]int{}
		for k := range int64(10 * rate) {
			if p := d.payment(k); p.ordered {
				n[p.account]++
			}
		}
		for account, n := range n {
			if n < 2 {
				t.Errorf("at %g/s %s pays %d times in 10 s", rate, account, n)
			}
		}
		if len(n) == 0 || len(n) > orderedAccounts {
			t.Errorf("at %g/s %d accounts", rate, len(n))
		}
	}
}

func TestAnAcknowledgementMustBeCompleteAndOurs(t *testing.T) {
	d := newDriver(t, 20)
	p := d.payment(3)
	ours := fmt.Sprintf(`{"id":%q,"account":%q}`, p.id, p.account)
	for _, tt := range []struct {
		name, body string
		status     int
		want       ledger.End
	}{
		{"ours", ours, 202, ledger.Acknowledged},
		{"cut", ours[:len(ours)-2], 202, ledger.Unknown},
		{"another payment", strings.Replace(ours, p.id, "other", 1), 202, ledger.Unknown},
		{"another account", strings.Replace(ours, p.account, "other", 1), 202, ledger.Unknown},
		{"refused", `{}`, 400, ledger.Refused},
		{"unknown outcome", `{}`, 504, ledger.Unknown},
	} {
		w := d.newWriter()
		w.Resp.Status, w.Resp.Body = tt.status, []byte(tt.body)
		if end := w.readAnswer(p, nil); end != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, end, tt.want)
		}
	}
}

// evening is a run that is over: two payments of an account through the queue with
// sessions, and one that is poison.
type evening struct {
	*Driver
	first, second, poisoned payment
}

// newEvening returns a run in which everything is as it should be.
func newEvening(t *testing.T) evening {
	t.Helper()
	d := newDriver(t, 10)
	e := evening{d, d.payment(0), d.payment(20), d.payment(233)}
	if e.first.account != e.second.account || e.poisoned.kind != unpriced {
		t.Fatalf("%+v", e)
	}
	d.effects = &effects{
		charges: map[string][]charge{}, letters: map[string][]letter{e.poisoned.id: {{Payment: e.poisoned.id, Reason: "keeps-failing", State: "open"}}},
	}
	at := time.Now()
	for i, p := range []payment{e.first, e.second, e.poisoned} {
		d.entered(p, at.Add(time.Duration(2*i)*time.Second))
		d.book(p.kind).Ask(t.Context(), p.id, p.id, ledger.Patience{}, func(context.Context, int) ledger.End { return ledger.Acknowledged })
		d.acknowledged(p, at.Add(time.Duration(2*i+1)*time.Second))
		if p.kind == wholesome {
			d.effects.charges[p.id] = []charge{{p.account, p.amount, at.Add(time.Duration(2*i+2) * time.Second)}}
		}
	}
	return e
}

func failed(checks ...judge.Check) string {
	var names []string
	for _, c := range checks {
		if c.Verdict == judge.Fail {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", ")
}

func TestTheJudgeNamesWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name    string
		breakIt func(e evening)
		failed  string // the checks that fail; empty: none
	}{
		{"nothing", func(evening) {}, ""},
		{"a payment is not booked", func(e evening) { delete(e.effects.charges, e.second.id) }, "ledger, order"},
		{"it is booked twice", func(e evening) {
			e.effects.charges[e.first.id] = append(e.effects.charges[e.first.id], charge{e.first.account, e.first.amount, time.Now()})
		}, "ledger, order"},
		{"a payment that nobody made", func(e evening) { e.effects.charges["x"] = []charge{{"y", 1, time.Now()}} }, "ledger"},
		{"another amount", func(e evening) { e.effects.charges[e.first.id][0].cents++ }, "amounts"},
		{"another account", func(e evening) { e.effects.charges[e.first.id][0].account = "y" }, "amounts"},
		{"poison is lost", func(e evening) { clear(e.effects.letters) }, "letters"},
		{"poison is there twice", func(e evening) {
			e.effects.letters[e.poisoned.id] = append(e.effects.letters[e.poisoned.id], e.effects.letters[e.poisoned.id][0])
		}, "letters"},
		{"poison is booked", func(e evening) {
			e.effects.charges[e.poisoned.id] = []charge{{e.poisoned.account, e.poisoned.amount, time.Now()}}
		}, "ledger"},
		{"what was mended is booked", func(e evening) {
			e.mended.Store(true)
			e.effects.charges[e.poisoned.id] = []charge{{e.poisoned.account, e.poisoned.amount, time.Now()}}
		}, ""},
		{"another reason", func(e evening) { e.effects.letters[e.poisoned.id][0].Reason = "malformed" }, "reasons"},
		{"a healthy one is quarantined", func(e evening) { e.effects.letters[e.first.id] = []letter{{Reason: "storage-refuses"}} }, "innocent"},
		{"the first one was overtaken", func(e evening) {
			e.effects.charges[e.first.id][0].at = e.effects.charges[e.second.id][0].at.Add(time.Millisecond)
		}, "order"},
		{"nothing to compare", func(e evening) { e.payments[e.second.id].first = e.payments[e.first.id].acked.Add(-time.Millisecond) }, "order"},
	} {
		e := newEvening(t)
		tt.breakIt(e)
		if got := failed(e.judgeCharges(false), e.judgeAmounts(), e.judgeLetters(false), e.judgeReasons(), e.judgeInnocent(), e.judgeOrder()); got != tt.failed {
			t.Errorf("%s: failed checks %q, want %q", tt.name, got, tt.failed)
		}
	}
}

func TestWhatIsMissingIsAChargeOrALetter(t *testing.T) {
	e := newEvening(t)
	if n := e.missing(); n != 0 {
		t.Errorf("%d missing, want none", n)
	}
	delete(e.effects.charges, e.first.id)
	e.effects.letters[e.first.id] = []letter{{}} // is no charge
	clear(e.effects.letters[e.poisoned.id])
	delete(e.effects.letters, e.poisoned.id)
	if n := e.missing(); n != 2 {
		t.Errorf("%d missing, want the charge and the letter", n)
	}
}

func TestLagsCountFromTheAcknowledgement(t *testing.T) {
	e := newEvening(t)
	if l := e.lags(0, forever); len(l) != 2 || l[0] != time.Second || l[1] != time.Second {
		t.Errorf("lags %v, want a second each", l)
	}
	if l := e.lags(2*time.Second, forever); len(l) != 1 {
		t.Errorf("lags of the second payment: %v", l)
	}
	if got := failed(e.judgeLag("booked", e.lags(0, forever)), e.judgeLag("none", nil)); got != "none" {
		t.Errorf("failed %q", got)
	}
}

func TestResubmissionsAreJudgedByWhatTheyCost(t *testing.T) {
	e := newEvening(t)
	for _, tt := range []struct {
		name   string
		canary resubmission
		failed string
	}{
		{"one of several died", resubmission{State: "stopped", Letters: 3, Died: 1}, ""},
		{"two died", resubmission{State: "stopped", Letters: 3, Died: 2}, "canary"},
		{"there was one alone", resubmission{State: "stopped", Letters: 1, Died: 1}, "canary"},
		{"it went on", resubmission{State: "done", Letters: 3, Died: 1, Booked: 2}, "canary"},
	} {
		e.resubmissions = []resubmission{tt.canary}
		if got := failed(e.judgeCanary()); got != tt.failed {
			t.Errorf("%s: failed %q, want %q", tt.name, got, tt.failed)
		}
	}
	e.effects.letters[e.poisoned.id][0].State = "booked"
	e.effects.charges[e.poisoned.id] = []charge{{}}
	for _, tt := range []struct {
		name         string
		first, again resubmission
		failed       string
	}{
		{"all under one name", resubmission{Letters: 2, Booked: 2}, resubmission{Letters: 2, Skipped: 2}, ""},
		{"some under each", resubmission{Letters: 2, Booked: 1, Skipped: 1}, resubmission{Letters: 2, Booked: 1, Skipped: 1}, ""},
		{"one under both", resubmission{Letters: 2, Booked: 2}, resubmission{Letters: 2, Booked: 1}, "resubmitted once"},
		{"one died", resubmission{Letters: 2, Booked: 1, Died: 1}, resubmission{Letters: 2, Booked: 1}, "resubmitted once"},
		{"there was none", resubmission{}, resubmission{}, "resubmitted once"},
	} {
		e.resubmissions = []resubmission{tt.first, tt.again}
		if got := failed(e.judgeOnce(0)); got != tt.failed {
			t.Errorf("%s: failed %q, want %q", tt.name, got, tt.failed)
		}
	}
	e.resubmissions = []resubmission{{Letters: 2, Booked: 2}, {Letters: 2, Skipped: 2}}
	e.effects.charges[e.poisoned.id] = []charge{{}, {}}
	if got := failed(e.judgeOnce(0), e.judgeOnce(1)); got != "resubmitted once, resubmitted once" {
		t.Errorf("charged twice, and no second resubmission: failed %q", got)
	}
}

func TestLettersKeepTheirSessions(t *testing.T) {
	e := newEvening(t)
	if got := failed(e.judgeSessions()); got != "sessions" {
		t.Error("there is no letter of the queue with sessions, and nothing fails")
	}
	l := &e.effects.letters[e.poisoned.id][0]
	for session, want := range map[string]string{e.poisoned.account: "", "another": "sessions"} {
		l.Queue, l.Session = "servicebusdlq-ordered", session
		if got := failed(e.judgeSessions()); got != want {
			t.Errorf("session %s: failed %q, want %q", session, got, want)
		}
	}
}

func TestTheMeanOfBacklogsIsAllPaymentsByAllTheTime(t *testing.T) {
	all := []drained{{perSecond: 100, cpu: time.Millisecond}, {perSecond: 300, cpu: 3 * time.Millisecond}}
	if got := mean(all); math.Abs(got-150) > 1e-6 { // 1 s and 1/3 s for a hundred each
		t.Errorf("mean %g, want 150", got)
	}
	if got := cpu(all); got != 2*time.Millisecond {
		t.Errorf("CPU %v, want 2 ms", got)
	}
}

func TestABacklogHasOnePoisonedPaymentInAHundred(t *testing.T) {
	c := &comparison{d: newDriver(t, 100)}
	clean, healthy := c.backlog("drain-0", false)
	if len(clean) != 1000 || healthy != 1000 || c.poison != 0 {
		t.Errorf("%d messages, %d healthy, %d poisoned without poison", len(clean), healthy, c.poison)
	}
	poisoned, healthy := c.backlog("drain-1", true)
	if len(poisoned) != 1010 || healthy != 1000 || c.poison != 10 {
		t.Errorf("%d messages, %d healthy, %d poisoned with poison", len(poisoned), healthy, c.poison)
	}
	for i, m := range append(clean, poisoned...) {
		if !c.d.compared(*m.MessageID) {
			t.Fatalf("message %d is %s, which the ledger would take for a payment", i, *m.MessageID)
		}
	}
}

func TestTheComparisonIsJudgedByBothSystems(t *testing.T) {
	rate := func(clean, poisoned float64) throughput {
		return throughput{[]drained{{perSecond: clean}}, []drained{{perSecond: poisoned}}}
	}
	for _, tt := range []struct {
		name     string
		doubled  doubled
		measured throughput
		raw      float64
		failed   string
	}{
		{"as it should be", doubled{before: 1}, rate(600, 550), 1000, ""},
		{"near the table server", doubled{before: 1}, rate(100, 95), 130, ""},
		{"before was not broken", doubled{}, rate(600, 550), 1000, "doubled"},
		{"after is broken", doubled{1, 1}, rate(600, 550), 1000, "doubled"},
		{"slow", doubled{before: 1}, rate(300, 299), 1000, "throughput"},
		{"poison costs a fifth", doubled{before: 1}, rate(1000, 800), 1000, "poison"},
	} {
		d := newDriver(t, 10)
		d.doubled, d.measured, d.raw = tt.doubled, tt.measured, tt.raw
		if got := failed(d.judgeDoubled(), d.judgeThroughput(), d.judgeRatio()); got != tt.failed {
			t.Errorf("%s: failed %q, want %q", tt.name, got, tt.failed)
		}
	}
}
