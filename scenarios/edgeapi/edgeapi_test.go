//go:build unix

package edgeapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/provingground/provingground/scenarios/edgeapi"
)

func TestAnItemIsCreatedReadListedFoundChangedAndDeleted(t *testing.T) {
	s := sites(t, 1)[0]
	path := s.made(t, "k1", cup)
	resp := want(t, s.do(t, "GET", path, "", nil), 200)
	if got := bodyOf(t, resp); !strings.Contains(got, `"name":"Espresso cup"`) || !strings.Contains(got, `"version":1`) || resp.Header.Get("ETag") != `"1"` {
		t.Errorf("item %s, ETag %s", got, resp.Header.Get("ETag"))
	}
	want(t, s.do(t, "GET", path, "", header{"If-None-Match", `"1"`}), 304)
	want(t, s.do(t, "PUT", path, strings.Replace(cup, "900", "950", 1), writer("k2", "If-Match", `"1"`)), 200)
	if got := bodyOf(t, want(t, s.do(t, "GET", path, "", nil), 200)); !strings.Contains(got, `"price":950`) {
		t.Errorf("after the change the colo that wrote serves %s", got)
	}
	if got := bodyOf(t, want(t, s.do(t, "GET", "/api/items?q=ESPRESSO+60", "", nil), 200)); !strings.Contains(got, `"price":950`) {
		t.Errorf("found %s", got)
	}
	want(t, s.do(t, "DELETE", path, "", writer("k3", "If-Match", `"2"`)), 204)
	want(t, s.do(t, "GET", path, "", nil), 404)
	want(t, s.do(t, "DELETE", path, "", writer("k3", "If-Match", `"2"`)), 204)
	if got := bodyOf(t, want(t, s.do(t, "GET", "/api/items?q=espresso+60&limit=7", "", nil), 200)); got != `{"items":[]}` {
		t.Errorf("a deleted item is found: %s", got)
	}
}

func TestPagesFollowOneAnotherWithoutGapOrRepetition(t *testing.T) {
	s := sites(t, 1)[0]
	const items = 23
	for i := range items { // many share a name
		s.made(t, fmt.Sprint("k", i), fmt.Sprintf(`{"name":"Cup %d","description":"","price":1,"cost":1}`, i/5))
	}
	seen, after, pages := map[string]bool{}, "", 0
	for {
		var page edgeapi.Page
		decode(t, want(t, s.do(t, "GET", "/api/items?limit=4&after="+after, "", nil), 200), &page)
		for _, item := range page.Items {
			if seen[item.ID] {
				t.Fatalf("%s comes twice", item.ID)
			}
			seen[item.ID] = true
		}
		if pages++; page.Next == "" {
			break
		}
		after = page.Next
	}
	if len(seen) != items || pages != 6 {
		t.Errorf("%d items on %d pages, want %d on 6", len(seen), pages, items)
	}
}

func TestOfTwoWritersOfOneVersionOneWinsAndItsRetryGetsTheFirstAnswer(t *testing.T) {
	two := sites(t, 2)
	path := two[0].made(t, "k", cup)
	for round := range 20 {
		var (
			both sync.WaitGroup
			resp [2]*http.Response
		)
		write := func(i int) *http.Response {
			body := strings.Replace(cup, "900", fmt.Sprint(1000*round+i), 1)
			return two[i].do(t, "PUT", path, body, writer(fmt.Sprintf("r%d-%d", round, i), "If-Match", fmt.Sprintf(`"%d"`, round+1)))
		}
		for i := range two {
			both.Go(func() { resp[i] = write(i) })
		}
		both.Wait()
		winner, loser := 0, 1
		if resp[0].StatusCode != 200 {
			winner, loser = 1, 0
		}
		first := bodyOf(t, want(t, resp[winner], 200))
		if lost := want(t, resp[loser], 412); lost.Header.Get("ETag") != fmt.Sprintf(`"%d"`, round+2) {
			t.Errorf("the loser is told ETag %s", lost.Header.Get("ETag"))
		}
		if again := want(t, write(winner), 200); bodyOf(t, again) != first || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("round %d: the winner's retry gets another answer than %s", round, first)
		}
		want(t, write(loser), 412)
	}
}

func TestAWriteWhoseAnswerWasLostHappensOnce(t *testing.T) {
	s := sites(t, 1)[0]
	first := s.made(t, "k", cup)
	if again := s.made(t, "k", cup); again != first {
		t.Errorf("created %s, then %s", first, again)
	}
	want(t, s.do(t, "POST", "/api/items", strings.Replace(cup, "900", "901", 1), writer("k")), 422)
	var page edgeapi.Page
	decode(t, want(t, s.do(t, "GET", "/api/items", "", nil), 200), &page)
	if len(page.Items) != 1 {
		t.Errorf("%d items, want one", len(page.Items))
	}
}

func TestAWriteWithoutAnAnswerIsUnknownAndARefusedOneIsNot(t *testing.T) {
	s := sites(t, 1)[0]
	path := s.made(t, "k", cup)
	s.db.stop = func([]edgeapi.Statement) error { return errDown }
	want(t, s.do(t, "POST", "/api/items", cup, writer("k2")), 504)
	if resp := want(t, s.do(t, "GET", path, "", nil), 503); resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.db.stop = func([]edgeapi.Statement) error { return edgeapi.ErrOverloaded }
	if resp := want(t, s.do(t, "POST", "/api/items", cup, writer("k2")), 503); resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestAReadWhoseConnectionIsLostIsMadeOnceMoreAndAWriteIsNot(t *testing.T) {
	s := sites(t, 1)[0]
	path := s.made(t, "k", cup)
	for _, step := range []struct {
		method, path      string
		losses            int
		status, wantTries int
	}{
		{"GET", path, 1, 200, 2},
		{"GET", "/api/items", 2, 503, 2},
		{"POST", "/api/items", 1, 504, 1},
	} {
		tries := 0
		s.db.stop = func([]edgeapi.Statement) error {
			if tries++; tries <= step.losses {
				return edgeapi.ErrLost
			}
			return nil
		}
		h := header{"Cache-Control", "no-cache"}
		if step.method == "POST" {
			h = writer("k2")
		}
		want(t, s.do(t, step.method, step.path, cup, h), step.status)
		if tries != step.wantTries {
			t.Errorf("%s %s asked %d times, want %d", step.method, step.path, tries, step.wantTries)
		}
	}
}

func TestKeysAreForgottenWhenNobodyRepeatsThemAnyMore(t *testing.T) {
	s := sites(t, 1)[0]
	s.made(t, "old", cup)
	s.clock.Add(47 * time.Hour)
	s.made(t, "young", cup)
	s.clock.Add(2 * time.Hour)
	if err := s.Items.Purge(t.Context(), s.clock.Now()); err != nil {
		t.Fatal(err)
	}
	results, _, err := s.db.Batch(t.Context(), "", edgeapi.Statement{SQL: "SELECT key FROM keys"})
	if err != nil || len(results[0]) != 1 || results[0][0][0] != "young" {
		t.Errorf("keys %v, %v, want the young one", results, err)
	}
}
