package urlshortener

import (
	"bufio"
	"bytes"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/ledger"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

func newDriver(t *testing.T) *Driver {
	t.Helper()
	sc, _ := scenarios.Find("urlshortener")
	s := &stack.Stack{Instances: []*stack.Instance{
		{Role: "api", URL: "http://127.0.0.1:1", AdminURL: "http://127.0.0.1:3"},
		{Role: "api", Index: 1, URL: "http://127.0.0.1:2", AdminURL: "http://127.0.0.1:4"},
	}}
	d, err := New(trial.NewSetup(sc, s, 1000, 10, 0, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	d.gone = [][]byte{d.get("/gone")}
	return d
}

func TestTwoCreationsClaimEachAlias(t *testing.T) {
	d := newDriver(t)
	claims := make(map[string]int)
	keys := make(map[string]bool)
	for k := range int64(100) {
		c := d.creation(k)
		if c.alias != "" {
			claims[c.alias]++
		}
		keys[c.key] = true
	}
	for alias, n := range claims {
		if n != 2 {
			t.Errorf("alias %s is claimed %d times, want 2", alias, n)
		}
	}
	if len(claims) != 10 || len(keys) != 100 {
		t.Errorf("%d aliases and %d keys in 100 creations, want 10 and 100", len(claims), len(keys))
	}
}

func TestUnknownNamesAreOfThreeKinds(t *testing.T) {
	d := newDriver(t)
	r := reader{clients: clients{d: d}, rng: rand.New(rand.NewPCG(1, 1))}
	kinds := make(map[string]int)
	for range 3000 {
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(r.unknownRequest())))
		if err != nil {
			t.Fatal(err)
		}
		switch name := req.URL.Path[1:]; {
		case name == "gone":
			kinds["gone"]++
		case len(name) == 10 && name[0] >= '0' && name[0] <= '9':
			kinds["code"]++
		default:
			kinds["alias"]++
		}
	}
	for _, kind := range []string{"gone", "code", "alias"} {
		if n := kinds[kind]; n < 900 || n > 1100 {
			t.Errorf("%d of 3,000 unknown names are of kind %s, want about 1,000", n, kind)
		}
	}
}

func TestAnAcknowledgementMustBeCompleteAndOurs(t *testing.T) {
	d := newDriver(t)
	c := d.creation(5)
	for _, tt := range []struct {
		name, body string
		want       ledger.End
	}{
		{"ours", `{"code":"x","url":"` + c.target + `","management_token":"t"}`, ledger.Acknowledged},
		{"cut", `{"code":"x","url":"` + c.target, ledger.Unknown},
		{"another's", `{"code":"x","url":"https://example.com/other","management_token":"t"}`, ledger.Unknown},
		{"without token", `{"code":"x","url":"` + c.target + `"}`, ledger.Unknown},
	} {
		w := d.newWriter(0)
		w.Resp.Status, w.Resp.Body = 201, []byte(tt.body)
		if end, _ := w.readAnswer(c, nil); end != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, end, tt.want)
		}
	}
}

func TestClicksAreHeldToTheirBound(t *testing.T) {
	d := newDriver(t) // 500 redirects/s per process
	for _, tt := range []struct {
		name string
		c    clickCount
		dist disturbance
		ok   bool
	}{
		{"exact", clickCount{sent: 10, counted: 10}, disturbance{}, true},
		{"one lost without a kill", clickCount{sent: 10, counted: 9, lost: 1}, disturbance{}, false},
		{"one doubled without an unsure flush", clickCount{sent: 10, counted: 11, doubled: 1}, disturbance{}, false},
		{"a second lost by a kill", clickCount{lost: 500}, disturbance{kills: 1}, true},
		{"more than a second lost by a kill", clickCount{lost: 501}, disturbance{kills: 1}, false},
		{"a batch doubled by an unsure flush", clickCount{doubled: 500}, disturbance{unsureBatches: 1}, true},
	} {
		if got := d.judgeClicks(tt.c, tt.dist).Verdict == "pass"; got != tt.ok {
			t.Errorf("%s: pass %t, want %t", tt.name, got, tt.ok)
		}
	}
}
