package webhooks

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/ledger"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/pkg/webhooksig"
	"github.com/provingground/provingground/scenarios"
)

func newDriver(t *testing.T) *Driver {
	t.Helper()
	sc, _ := scenarios.Find("webhooks")
	s := &stack.Stack{
		Env: map[string]string{"PAYMENTS_KEY": "the old key of payments", "PAYMENTS_KEY_NEXT": "the new key of payments", "REPOS_KEY": "the key of repos"},
		Instances: []*stack.Instance{
			{Role: "receiver", URL: "http://127.0.0.1:1", AdminURL: "http://127.0.0.1:3"},
			{Role: "receiver", Index: 1, URL: "http://127.0.0.1:2", AdminURL: "http://127.0.0.1:4"},
		},
	}
	d, err := New(trial.NewSetup(sc, s, 200, 10, 0, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *Driver) mustEvent(t *testing.T, k int64) event {
	t.Helper()
	e, err := d.event(k)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEveryEventHasItsOwnIDAndTheNextVersionOfItsAccount(t *testing.T) {
	d := newDriver(t)
	ids, versions, kinds := map[string]bool{}, map[string]int64{}, map[string]int{}
	for k := range int64(500) {
		e := d.mustEvent(t, k)
		ids[e.id] = true
		kinds[e.kind]++
		if versions[e.account]++; e.version != versions[e.account] {
			t.Errorf("event %+v, want version %d", e, versions[e.account])
		}
		var body struct{ ID, Type, Account string }
		if err := json.Unmarshal(e.body, &body); err != nil || body.ID != e.id || body.Type != e.kind || body.Account != e.account {
			t.Errorf("body %s", e.body)
		}
	}
	if len(ids) != 500 || versions[d.hot()] != 50 || len(kinds) != 3 {
		t.Errorf("%d ids, %d events of the hot account, kinds %v", len(ids), versions[d.hot()], kinds)
	}
}

func TestSignaturesAreThoseOfTheProviders(t *testing.T) {
	d := newDriver(t)
	env := d.setup.Env()
	for rotation, active := range []webhooksig.Keys{{[]byte(env["PAYMENTS_KEY"])}, {[]byte(env["PAYMENTS_KEY"])}, {[]byte(env["PAYMENTS_KEY_NEXT"])}} {
		d.mischief.rotation.Store(int32(rotation))
		for k := range int64(20) {
			e := d.mustEvent(t, k)
			field := d.signature(e, time.Now())
			h := http.Header{field.Name: {field.Value}}
			claim, err := webhooksig.Stripe{Keys: active}.Claim(h, time.Now())
			if e.provider == "repos" {
				claim, err = webhooksig.GitHub{Keys: webhooksig.Keys{[]byte(env["REPOS_KEY"])}}.Claim(h, time.Now())
			}
			if err != nil || claim.Verify(e.body) != nil {
				t.Errorf("rotation %d, %s: %v", rotation, e.provider, err)
			}
		}
	}
}

func TestAnAcknowledgementMustBeCompleteAndOurs(t *testing.T) {
	d := newDriver(t)
	e := d.mustEvent(t, 5)
	ours := fmt.Sprintf(`{"id":%q,"provider":%q}`, e.id, e.provider)
	for _, tt := range []struct {
		name, body string
		status     int
		want       ledger.End
	}{
		{"ours", ours, 202, ledger.Acknowledged},
		{"cut", ours[:len(ours)-2], 202, ledger.Unknown},
		{"another's", strings.Replace(ours, e.id, "other", 1), 202, ledger.Unknown},
		{"refused", `{}`, 401, ledger.Refused},
		{"unknown outcome", `{}`, 504, ledger.Unknown},
	} {
		s := d.newSender()
		s.Resp.Status, s.Resp.Body = tt.status, []byte(tt.body)
		if end := s.readAnswer(e, nil); end != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, end, tt.want)
		}
	}
}

// done returns a driver whose two events of the hot account have all their
// effects, changed by breakIt.
func done(t *testing.T, breakIt func(d *Driver, first, second string)) *Driver {
	t.Helper()
	d := newDriver(t)
	d.effects = &effects{rows: map[string][]row{}, accounts: map[string]account{}}
	at := time.Now()
	var whats []string
	for i, k := range []int64{10, 20} {
		e := d.mustEvent(t, k)
		d.entered(e, at.Add(time.Duration(2*i)*time.Second))
		d.answered(e, ledger.Acknowledged, at.Add(time.Duration(2*i+1)*time.Second))
		name := e.provider + "/" + e.account
		d.effects.rows[e.what()] = []row{{name, e.version, e.added(), int64(i + 1), at.Add(time.Duration(2*i+2) * time.Second)}}
		d.effects.accounts[name] = d.effects.accounts[name].plus(e)
		whats = append(whats, e.what())
	}
	breakIt(d, whats[0], whats[1])
	return d
}

func TestTheJudgeNamesWhatIsWrong(t *testing.T) {
	change := func(d *Driver, do func(*account)) {
		for name, a := range d.effects.accounts {
			do(&a)
			d.effects.accounts[name] = a
		}
	}
	for _, tt := range []struct {
		name    string
		breakIt func(d *Driver, first, second string)
		failed  string // the checks that fail; empty: none
	}{
		{"nothing", func(*Driver, string, string) {}, ""},
		{"an event is not there", func(d *Driver, first, _ string) { delete(d.effects.rows, first) }, "ledger, accounts"},
		{"it is there twice", func(d *Driver, first, _ string) {
			d.effects.rows[first] = append(d.effects.rows[first], d.effects.rows[first][0])
		}, "ledger, accounts"},
		{"an event that nobody sent", func(d *Driver, _, _ string) { d.effects.rows["payments/x"] = []row{{}} }, "ledger"},
		{"the amount was added twice", func(d *Driver, _, _ string) { change(d, func(a *account) { a.received++ }) }, "accounts"},
		{"an older plan came over a newer one", func(d *Driver, _, _ string) { change(d, func(a *account) { a.plan = "plan-1" }) }, "accounts"},
		{"an account without a row", func(d *Driver, _, _ string) { d.effects.accounts["payments/y"] = account{events: 1} }, "accounts"},
		{"the first one was overtaken", func(d *Driver, first, _ string) { d.effects.rows[first][0].seq = 9 }, "order"},
		{"it was overtaken, and had been sent twice", func(d *Driver, first, _ string) { d.effects.rows[first][0].seq = 9; d.sent[first].attempts = 2 }, ""},
		{"a dead letter", func(d *Driver, _, _ string) { d.effects.dead = []string{"x: why"} }, "dead letters"},
	} {
		d := done(t, tt.breakIt)
		var failed []string
		for _, c := range []judge.Check{d.judgeLedger(false), d.judgeAccounts(), d.judgeOrder(), d.judgeDead()} {
			if c.Verdict == judge.Fail {
				failed = append(failed, c.Name)
			}
		}
		if got := strings.Join(failed, ", "); got != tt.failed {
			t.Errorf("%s: failed checks %q, want %q", tt.name, got, tt.failed)
		}
	}
}

func TestLagsCountFromTheAcknowledgement(t *testing.T) {
	d := done(t, func(*Driver, string, string) {})
	if l := d.lags(0, forever); len(l) != 2 || l[0] != time.Second || l[1] != time.Second {
		t.Errorf("lags %v, want a second each", l)
	}
	if l := d.lags(2*time.Second, forever); len(l) != 1 {
		t.Errorf("lags of the second event: %v", l)
	}
}
