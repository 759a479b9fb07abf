//go:build unix

package edgeapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/scenarios/edgeapi"
)

func decode(t *testing.T, resp *http.Response, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(bodyOf(t, resp)), v); err != nil {
		t.Fatal(err)
	}
}

func versionAt(t *testing.T, s *site, path string, h header) (version int64, resp *http.Response) {
	t.Helper()
	var item edgeapi.Item
	resp = want(t, s.do(t, "GET", path, "", h), 200)
	decode(t, resp, &item)
	return item.Version, resp
}

func TestAnotherColoServesTheOldVersionForTenSecondsAtMost(t *testing.T) {
	two := sites(t, 2)
	path := two[0].made(t, "k", cup)
	versionAt(t, two[1], path, nil) // fills the other cache
	written := want(t, two[0].do(t, "PUT", path, cup, writer("k2", "If-Match", `"1"`)), 200)
	if v, _ := versionAt(t, two[0], path, nil); v != 2 {
		t.Errorf("the colo that wrote serves version %d", v)
	}
	two[1].clock.Add(9 * time.Second)
	if v, resp := versionAt(t, two[1], path, nil); v != 1 || resp.Header.Get("Cache-Status") != "edgeapi; hit" || resp.Header.Get("Age") != "9" {
		t.Errorf("the other colo serves version %d (%s), want the cached one", v, resp.Header.Get("Cache-Status"))
	}
	for name, h := range map[string]header{
		"the writer's bookmark": {"D1-Bookmark", written.Header.Get("D1-Bookmark")},
		"no-cache":              {"Cache-Control", "no-cache"},
		"the token":             {"Authorization", "Bearer " + token},
	} {
		if v, resp := versionAt(t, two[1], path, h); v != 2 || resp.Header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("with %s the other colo serves version %d (%s)", name, v, resp.Header.Get("Cache-Control"))
		}
	}
	two[1].clock.Add(time.Second)
	if v, _ := versionAt(t, two[1], path, nil); v != 2 {
		t.Errorf("after ten seconds the other colo serves version %d", v)
	}
}

func TestAnAnswerEndsSoonerWhereItIsToldTo(t *testing.T) {
	s := sites(t, 1)[0]
	s.Early = func() time.Duration { return 3 * time.Second }
	path := s.made(t, "k", cup)
	for _, step := range []struct {
		wait   time.Duration
		status string
	}{
		{0, "edgeapi; fwd=miss; stored"}, {7*time.Second - time.Millisecond, "edgeapi; hit"}, {time.Millisecond, "edgeapi; fwd=miss; stored"},
	} {
		s.clock.Add(step.wait)
		if _, resp := versionAt(t, s, path, nil); resp.Header.Get("Cache-Status") != step.status {
			t.Errorf("%v later: %s, want %s", step.wait, resp.Header.Get("Cache-Status"), step.status)
		}
	}
}

func TestAnAnswerForOneWhoIsKnownIsNeverKept(t *testing.T) {
	s := sites(t, 1)[0]
	path := s.made(t, "k", cup)
	for _, list := range []string{path, "/api/items", "/api/items?q=cup"} {
		for range 2 {
			known := bodyOf(t, want(t, s.do(t, "GET", list, "", header{"Authorization", "Bearer " + token}), 200))
			if !strings.Contains(known, `"cost":410`) {
				t.Errorf("%s with the token: %s", list, known)
			}
			if anonymous := bodyOf(t, want(t, s.do(t, "GET", list, "", nil), 200)); strings.Contains(anonymous, "cost") {
				t.Errorf("%s without a token: %s", list, anonymous)
			}
		}
	}
}

func TestAReadUnderWayDoesNotBringBackWhatAWritePurged(t *testing.T) {
	s := sites(t, 1)[0]
	path := s.made(t, "k", cup)
	stale := &site{API: s.API, db: s.db, serve: s.serve, clock: s.clock}
	s.db.stop = func(all []edgeapi.Statement) error {
		if strings.HasPrefix(all[0].SQL, "SELECT") && len(all) == 1 {
			s.db.stop = nil
			// The write commits and purges after the read began, and before it fills.
			want(t, stale.do(t, "PUT", path, cup, writer("k2", "If-Match", `"1"`)), 200)
		}
		return nil
	}
	versionAt(t, s, path, nil)
	if _, resp := versionAt(t, s, path, nil); !strings.Contains(resp.Header.Get("Cache-Status"), "miss") {
		t.Error("what was read before the purge was cached after it")
	}
}

func TestSettingsAreForEverybody(t *testing.T) {
	s := sites(t, 1)[0]
	resp := want(t, s.do(t, "GET", "/api/settings", "", nil), 200)
	if got := bodyOf(t, resp); got != `{"currency":"EUR"}` || resp.Header.Get("Cache-Control") != "public, max-age=60" {
		t.Errorf("settings %s", got)
	}
	want(t, s.do(t, "PUT", "/api/settings", `{"currency":"USD"}`, nil), 401)
	want(t, s.do(t, "PUT", "/api/settings", `{"currency":`, header{"Authorization", "Bearer " + token}), 400)
	want(t, s.do(t, "PUT", "/api/settings", `{"currency":"USD"}`, header{"Authorization", "Bearer " + token}), 204)
	if got := bodyOf(t, want(t, s.do(t, "GET", "/api/settings", "", nil), 200)); got != `{"currency":"USD"}` {
		t.Errorf("settings %s after they were set", got)
	}
}
