//go:build unix

package pubsubdlq

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/deadletters"
)

type letterList struct{ Letters []deadletters.Letter }

func TestARedriveStopsAtABrokenConsumerAndAskedForTwiceChargesOnce(t *testing.T) {
	c := newCluster(t)
	c.startSubscriber(t, Skip)
	c.startDeadLetters(t)
	for range 5 {
		c.use(t, "", "nobody", `"data":{"units":1}`)
	}
	eventually(t, "all are dead", func() bool { return strings.Count(c.letters(t), "unknown-account open") == 5 })
	progress := func(name string) (r deadletters.Redrive) {
		c.atDesk(t, "GET", "/api/redrives/"+name, "", &r)
		return r
	}
	c.atDesk(t, "PUT", "/api/redrives/too-early", `{"reason":"unknown-account"}`, nil)
	eventually(t, "it stopped", func() bool { return progress("too-early").State == "stopped" })
	if r := progress("too-early"); r.Died != 1 || r.Taken != 0 || r.Letters != 5 {
		t.Errorf("redrive %+v, want one of five sent", r)
	}
	c.set(t, "nobody", `{"price":10}`)
	for range 2 {
		if status := c.atDesk(t, "PUT", "/api/redrives/now", `{"reason":"unknown-account"}`, nil); status != 202 {
			t.Errorf("redrive: %d", status)
		}
	}
	c.atDesk(t, "PUT", "/api/redrives/now-again", `{"reason":"unknown-account"}`, nil)
	eventually(t, "it is done", func() bool { return progress("now").State == "done" && progress("now-again").State == "done" })
	if got := c.charged(t, "nobody"); got != "1 1 1 1 1" {
		t.Errorf("charged %q, want five, once each", got)
	}
	if n := c.count(t, "SELECT count(*) FROM dead_letters_audit WHERE action = 'taken'"); n != 5 {
		t.Errorf("%d lines of audit say that a letter was taken, want 5", n)
	}
	if status := c.atDesk(t, "PUT", "/api/redrives/now", `{"reason":"malformed"}`, nil); status != 422 {
		t.Errorf("the name with another selection: %d, want 422", status)
	}
}

func TestLettersAreGroupedInspectedRedrivenAndDiscarded(t *testing.T) {
	c := newCluster(t)
	c.startSubscriber(t, Skip)
	c.startDeadLetters(t)
	for _, rest := range []string{`"data":{"unit":1}`, `"data":{"unit":2}`, `"data":"three"`, `"version":2,"data":{"units":1}`} {
		c.use(t, "", "acme", rest)
	}
	eventually(t, "all are dead", func() bool { return strings.Count(c.letters(t), "open") == 4 })
	var groups struct{ Groups []deadletters.Group }
	c.atDesk(t, "GET", "/api/groups", "", &groups)
	if g := groups.Groups; len(g) != 3 || g[0].Letters != 2 || g[0].Reason != "malformed" || g[0].Shape != `{"unit":number}` {
		t.Errorf("groups %+v", g)
	}
	var list letterList
	c.atDesk(t, "GET", "/api/letters?reason=unknown-version", "", &list)
	if len(list.Letters) != 1 {
		t.Fatalf("letters of an unknown version: %+v", list)
	}
	var one inspected
	c.atDesk(t, "GET", "/api/letters/"+list.Letters[0].ID, "", &one)
	if one.Text != `{"units":1}` || one.Attributes["ce-schemaversion"] != "2" || len(one.Audit) != 1 || one.Error == "" {
		t.Errorf("inspected %+v", one)
	}
	var discarded map[string]int
	c.atDesk(t, "POST", "/api/discards", `{"reason":"malformed","shape":"{\"unit\":number}","why":"a client of last year"}`, &discarded)
	if discarded["discarded"] != 2 || strings.Count(c.letters(t), "malformed discarded") != 2 {
		t.Errorf("discarded %v, letters %s", discarded, c.letters(t))
	}
}

func TestTheDeskNeedsItsToken(t *testing.T) {
	c := newCluster(t)
	for authorization, want := range map[string]int{"": 401, "Bearer wrong": 401, token: 401, "Bearer " + token: 200} {
		for _, path := range []string{"/api/groups", "/api/letters", "/api/audit"} {
			if a := call(t, "GET", c.desk.URL+path, authorization, "", ""); a.status != want {
				t.Errorf("%s with %q: %d, want %d", path, authorization, a.status, want)
			}
		}
	}
	for path, body := range map[string]string{
		"PUT /api/redrives/r1":     `{}`,
		"PUT /api/redrives/a%2Fb":  `{"reason":"x"}`,
		"PUT /api/redrives/r2":     `{"reason":"x","nosuch":1}`,
		"PUT /api/redrives/r3":     `{"ids":["a"],"key":"k"}`,
		"POST /api/discards":       `{"reason":"x"}`,
		"GET /api/letters?limit=x": "",
	} {
		method, path, _ := strings.Cut(path, " ")
		if status := c.atDesk(t, method, path, body, nil); status != 400 {
			t.Errorf("%s %s with %s: %d, want 400", method, path, body, status)
		}
	}
	for _, path := range []string{"/api/letters/nosuch", "/api/redrives/nosuch", "/nosuch"} {
		if status := c.atDesk(t, "GET", path, "", nil); status != 404 {
			t.Errorf("GET %s: %d, want 404", path, status)
		}
	}
}

func TestTheIntakeRefusesWhatIsNoUsage(t *testing.T) {
	c := newCluster(t)
	for body, want := range map[string]int{
		`{"account":"acme","data":{"units":1}}`:           202,
		`{"account":"ACME","data":{}}`:                    400,
		`{"account":"","data":{}}`:                        400,
		`{"account":"acme"}`:                              400,
		`{"account":"acme","data":{},"x":1}`:              400,
		`{"account":"acme","data":{}`:                     400,
		`{"account":"` + strings.Repeat("a", 5000) + `"}`: 413,
	} {
		if a := call(t, "POST", c.intake.URL+"/api/usage", "", "", body); a.status != want {
			t.Errorf("%.60s: %d %s, want %d", body, a.status, a.body, want)
		}
	}
	if a := call(t, "POST", c.intake.URL+"/api/usage", "", "short", `{"account":"acme","data":{}}`); a.status != 400 {
		t.Errorf("a short key: %d, want 400", a.status)
	}
	if a := call(t, "GET", c.intake.URL+"/api/usage", "", "", ""); a.status != 405 || a.header.Get("Allow") != "POST" {
		t.Errorf("GET: %d", a.status)
	}
	if a := call(t, "GET", c.accounts.URL+"/api/accounts/nosuch", "", "", ""); a.status != 404 {
		t.Errorf("an account that is not there: %d", a.status)
	}
	var acme accountState
	a := call(t, "GET", c.accounts.URL+"/api/accounts/acme", "", "", "")
	if err := json.Unmarshal(a.body, &acme); err != nil || acme.Price == nil || *acme.Price != 2_000_000 {
		t.Errorf("acme: %d %s", a.status, a.body)
	}
	if a := call(t, "PUT", c.accounts.URL+"/admin/accounts/x", "", "", `{}`); a.status != 401 {
		t.Errorf("an account set without the token: %d", a.status)
	}
	if a := call(t, "PUT", c.accounts.URL+"/admin/accounts/x", "Bearer "+token, "", `{"price":-1}`); a.status != 400 {
		t.Errorf("a price below nothing: %d", a.status)
	}
}

func TestMoreThanIsAdmittedIsRefusedAtOnce(t *testing.T) {
	c := newCluster(t)
	events := newTopic(c.client, "pubsubdlq-events", true)
	defer events.Stop()
	few := httptest.NewServer(newIntake(events, c.metrics, c.log, 1))
	defer few.Close()
	statuses := map[int]int{}
	for range 5 {
		a := call(t, "POST", few.URL+"/api/usage", "", "", `{"account":"acme","data":{"units":1}}`)
		statuses[a.status]++
		if a.status == 503 && a.header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
	if statuses[202] == 0 || statuses[503] == 0 {
		t.Errorf("five requests at once: %v, want some admitted and some refused", statuses)
	}
}
