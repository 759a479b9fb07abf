package ordernotify

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/ledger"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

func newDriver(t *testing.T) *Driver {
	t.Helper()
	sc, _ := scenarios.Find("ordernotify")
	s := &stack.Stack{Instances: []*stack.Instance{
		{Role: "api", URL: "http://127.0.0.1:1", AdminURL: "http://127.0.0.1:3"},
		{Role: "api", Index: 1, URL: "http://127.0.0.1:2", AdminURL: "http://127.0.0.1:4"},
	}}
	d, err := New(trial.NewSetup(sc, s, 200, 10, 0, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEveryOrderHasItsOwnKeyAndCustomer(t *testing.T) {
	d := newDriver(t)
	keys, customers, products := map[string]bool{}, map[string]bool{}, map[string]int{}
	for k := range int64(500) {
		o := d.order(k)
		keys[o.key], customers[o.customer] = true, true
		products[o.product]++
		if len(o.key) < 16 || len(o.key) > 64 || o.quantity < 1 || o.quantity > 3 {
			t.Errorf("order %+v", o)
		}
	}
	if len(keys) != 500 || len(customers) != 500 || len(products) != 11 || products[d.productName("scarce", 0)] != 10 {
		t.Errorf("%d keys, %d customers, products %v; want 500, 500, and one of 11 that is scarce and asked for 10 times", len(keys), len(customers), products)
	}
	d.hot = true
	if a, b := d.product(0), d.product(7); a != b {
		t.Errorf("a hot product, and orders for %s and %s", a, b)
	}
}

func TestAnAcknowledgementMustBeCompleteAndOurs(t *testing.T) {
	d := newDriver(t)
	o := d.order(5)
	ours := fmt.Sprintf(`{"id":"X","product":%q,"quantity":%d}`, o.product, o.quantity)
	for _, tt := range []struct {
		name, body string
		status     int
		want       ledger.End
	}{
		{"ours", ours, 202, ledger.Acknowledged},
		{"cut", ours[:len(ours)-2], 202, ledger.Unknown},
		{"another's", strings.Replace(ours, o.product, "other", 1), 202, ledger.Unknown},
		{"without id", strings.Replace(ours, `"X"`, `""`, 1), 202, ledger.Unknown},
		{"refused", `{}`, 422, ledger.Refused},
		{"unknown outcome", `{}`, 504, ledger.Unknown},
	} {
		w := d.newWriter()
		w.Resp.Status, w.Resp.Body = tt.status, []byte(tt.body)
		if end, _ := w.readAnswer(o, nil); end != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, end, tt.want)
		}
	}
}

// done returns a driver whose one order has all its effects, changed by break.
func done(t *testing.T, breakIt func(*effects, *placed, string)) *Driver {
	t.Helper()
	d := newDriver(t)
	o := d.order(1)
	at := time.Now()
	d.ledger.Sent(o.key, o.customer, at)
	d.ledger.Answered(o.customer, ledger.Acknowledged, at)
	d.acknowledged(o, "ID", at)
	d.effects = &effects{
		orders: map[string]int{o.customer: 1}, strangers: map[string]int{},
		decided: map[string]time.Time{"ID": at.Add(time.Second)}, confirmed: map[string]bool{"ID": true},
		recorded: map[string]int{"ID": 2}, stock: map[string]int{d.productName("scarce", 0): scarceStock}, taken: map[string]int{o.product: o.quantity},
		mails: map[string][]mailing{o.customer: {{"ID", "received", at.Add(2 * time.Second)}, {"ID", "confirmed", at.Add(3 * time.Second)}}},
	}
	for i := range d.setup.Records {
		d.effects.stock[d.productName("plenty", int64(i))] = plentyStock
	}
	d.effects.stock[o.product] -= o.quantity
	breakIt(d.effects, d.orders[o.customer], o.customer)
	return d
}

func TestTheJudgeNamesWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name    string
		breakIt func(e *effects, p *placed, customer string)
		failed  string // the check that fails; empty: none
	}{
		{"nothing", func(*effects, *placed, string) {}, ""},
		{"the order is not there", func(e *effects, _ *placed, c string) { delete(e.orders, c) }, "ledger"},
		{"it is there twice", func(e *effects, _ *placed, c string) { e.orders[c] = 2 }, "ledger"},
		{"an order that nobody placed", func(e *effects, _ *placed, _ string) { e.strangers["x@example.com"] = 1 }, "ledger"},
		{"no decision", func(e *effects, _ *placed, _ string) { delete(e.decided, "ID") }, "inventory"},
		{"the stock is as before", func(e *effects, p *placed, _ string) { e.stock[p.product] += p.quantity }, "stock"},
		{"the stock was taken twice", func(e *effects, p *placed, _ string) { e.stock[p.product] -= p.quantity }, "stock"},
		{"no first mail", func(e *effects, _ *placed, c string) { e.mails[c] = e.mails[c][1:] }, "mails"},
		{"the wrong second mail", func(e *effects, _ *placed, c string) { e.mails[c][1].kind = "out-of-stock" }, "mails"},
		{"a mail twice", func(e *effects, _ *placed, c string) { e.mails[c] = append(e.mails[c], e.mails[c][0]) }, "second mails"},
		{"an attempt that was taken over and was no mail", func(e *effects, _ *placed, _ string) {
			e.abandoned = map[string][]attempt{"ID/received": {{sender: "a/1"}}}
		}, ""},
		{"a dead letter", func(e *effects, _ *placed, _ string) { e.dead = 1 }, "dead letters"},
	} {
		d := done(t, tt.breakIt)
		var failed []string
		for _, c := range []judge.Check{d.judgeLedger(false), d.judgeDecisions(), d.judgeStock(), d.judgeMails(), d.judgeDoubles(trial.Observed{}), d.judgeDead()} {
			if c.Verdict == judge.Fail {
				failed = append(failed, c.Name)
			}
		}
		if got := strings.Join(failed, ", "); got != tt.failed {
			t.Errorf("%s: failed checks %q, want %q", tt.name, got, tt.failed)
		}
	}
}

func TestASecondMailNeedsALostAnswerOrAKilledProcess(t *testing.T) {
	at := time.Now()
	of := func(pid string, lost bool) attempt { return attempt{sender: "host/" + pid, claimed: at, lost: lost} }
	many := func(n int, a attempt) (all []attempt) {
		for range n {
			all = append(all, a)
		}
		return all
	}
	for _, tt := range []struct {
		name      string
		copies    int
		abandoned []attempt
		dropped   int
		deaths    []death
		want      judge.Verdict
	}{
		{"two mails and no takeover", 2, nil, 0, nil, judge.Fail},
		{"a takeover from a living process that had its answer", 2, []attempt{of("7", false)}, 0, nil, judge.Fail},
		{"the answer was lost by the process's account", 2, []attempt{of("7", true)}, 0, nil, judge.Pass},
		{"the drill lost the answer", 2, []attempt{of("7", false)}, 1, nil, judge.Pass},
		{"the process was killed", 2, []attempt{of("7", false)}, 0, []death{{"host/7", at.Add(time.Second)}}, judge.Pass},
		{"another process was killed", 2, []attempt{of("17", false)}, 0, []death{{"host/7", at.Add(time.Second)}}, judge.Fail},
		{"it was killed before it began", 2, []attempt{of("7", false)}, 0, []death{{"host/7", at.Add(-time.Second)}}, judge.Fail},
		{"a third mail with one explanation", 3, []attempt{of("7", true)}, 0, nil, judge.Fail},
		{"one lost answer and three mails", 3, many(2, of("7", false)), 1, nil, judge.Fail},
		{"the lost answer is the one on record", 3, []attempt{of("7", true), of("7", false)}, 1, nil, judge.Fail},
		{"two lost answers and three mails", 3, many(2, of("7", false)), 2, nil, judge.Pass},
		{"more than were under way", 42, many(41, of("7", false)), 0, []death{{"host/7", at.Add(time.Second)}}, judge.Fail},
		{"many answers that no fault took", 1, many(3, of("7", true)), 0, nil, judge.Fail},
	} {
		d := done(t, func(e *effects, _ *placed, c string) {
			for range tt.copies - 1 {
				e.mails[c] = append(e.mails[c], e.mails[c][0])
			}
			e.abandoned = map[string][]attempt{"ID/received": tt.abandoned}
		})
		d.dropped["ID/received"], d.deaths = tt.dropped, tt.deaths
		if c := d.judgeDoubles(trial.Observed{}); c.Verdict != tt.want {
			t.Errorf("%s: %s, want %s: %s", tt.name, c.Verdict, tt.want, c.Sentence)
		}
	}
}

func TestALostMailIsToldByItsTags(t *testing.T) {
	body := "Action=SendEmail&Tags.member.1.Name=order&Tags.member.1.Value=ABC&Tags.member.2.Name=kind&Tags.member.2.Value=out-of-stock"
	request := fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if got := mailOf([]byte(request)); got != "ABC/out-of-stock" {
		t.Errorf("mail %q, want ABC/out-of-stock", got)
	}
}

func TestEffectsAreAsLateAsTheLaterOfBoth(t *testing.T) {
	d := done(t, func(*effects, *placed, string) {})
	l := d.lags(0, forever)
	if quantile(l.decision, 0.99) != time.Second || quantile(l.mail, 0.99).Round(time.Millisecond) != 2*time.Second || quantile(l.both, 0.99) != quantile(l.mail, 0.99) {
		t.Errorf("lags = %+v, want a second, two, and two", l)
	}
}

func TestTheMailboxIsSortedByCustomer(t *testing.T) {
	d := newDriver(t)
	ours := "c1@" + d.run + ".example"
	raw := `{"messages":{"000000000000":[
		{"To":["` + ours + `"],"BodyText":"We have received your order: 1 × cup.\n\nReference: ABC/received\n","Timestamp":1764000000.25},
		{"To":["ceiling@example.com"],"BodyText":"How many of these?","Timestamp":1764000000.5}]}}`
	got, err := d.sort([]byte(raw))
	if err != nil || len(got) != 1 || len(got[ours]) != 1 || got[ours][0].order != "ABC" || got[ours][0].kind != "received" || got[ours][0].at.UnixMilli() != 1764000000250 {
		t.Errorf("mailbox = %+v, %v", got, err)
	}
	if _, err := d.sort([]byte(strings.Replace(raw, "Reference", "Ref", 1))); err == nil {
		t.Error("a mail without a reference is no error")
	}
}
