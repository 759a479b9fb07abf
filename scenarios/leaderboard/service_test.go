package leaderboard

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/provingground/provingground/pkg/idempotency/idempotencytest"
)

func TestLeaderboard(t *testing.T) {
	c := newCluster(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *cluster)
	}{
		{"a fresh board has empty pages", freshBoard},
		{"of equal scores the one accepted first is ahead", tiesByAcceptance},
		{"only an improvement counts", onlyImprovements},
		{"a repeated submission gets the first receipt", repeated},
		{"submissions to two processes get numbers without gaps", noGaps},
		{"two processes serve the sorted acknowledged scores", twoProcessesAgree},
		{"a page is revalidated with its ETag in any process", revalidated},
		{"a page comes in the encoding that was asked for", encodings},
		{"a player is shown with those around", aroundMe},
		{"a player beyond the pages is looked up in Redis", beyondThePages},
		{"bad requests are refused with a problem", badRequests},
		{"an import keeps the best", importKeepsBest},
		{"administration needs its token", adminNeedsToken},
		{"the design before serves the same board", beforeServesTheSame},
		{"a stranger's record in the stream stops nobody", malformedRecord},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, c) })
	}
}

func freshBoard(t *testing.T, c *cluster) {
	for n := 1; n <= Pages; n += Pages - 1 {
		if p := c.page(t, 0, n); p.Entries == nil || len(p.Entries) != 0 || p.Stale || p.Page != n {
			t.Errorf("page %d of a fresh board: %+v", n, p)
		}
	}
	wantStatus(t, "a player nobody knows", call(t, "GET", c.urls[0]+"/api/players/nobody", nil, ""), http.StatusNotFound)
}

func tiesByAcceptance(t *testing.T, c *cluster) {
	var last Receipt
	for i, player := range []string{"tie-c", "tie-a", "tie-b"} {
		last = c.submit(t, i%2, player, MaxScore)
	}
	for process := range c.processes {
		c.awaitSequence(t, process, last.Sequence)
		if got := c.order(t, process)[:3]; !slices.Equal(got, []string{"tie-c", "tie-a", "tie-b"}) {
			t.Errorf("process %d has %q first, want the order of acceptance", process, got)
		}
	}
}

func onlyImprovements(t *testing.T, c *cluster) {
	first := c.submit(t, 0, "improver", 100)
	for _, score := range []int64{100, 99, 0} {
		if r := c.submit(t, 1, "improver", score); r.Improved || r.Best != 100 || r.Sequence != first.Sequence {
			t.Errorf("%d after 100: %+v, want the first to stand", score, r)
		}
	}
	better := c.submit(t, 1, "improver", 101)
	if !better.Improved || better.Best != 101 || better.Sequence <= first.Sequence {
		t.Errorf("101 after 100: %+v, want an improvement", better)
	}
}

func repeated(t *testing.T, c *cluster) {
	const key, body = "key-of-a-repeated-score", `{"player":"repeater","name":"R","score":7}`
	first := c.post(t, 0, key, body)
	wantStatus(t, "first", first, http.StatusOK)
	c.submit(t, 0, "repeater", 8)
	again := c.post(t, 1, key, body) // as after a lost answer, to the other process
	wantStatus(t, "repeated", again, http.StatusOK)
	if !bytes.Equal(first.body, again.body) {
		t.Errorf("repeated submission got %s, the first one %s", again.body, first.body)
	}
	wantStatus(t, "same key, other body", c.post(t, 1, key, `{"player":"repeater","name":"R","score":9}`), http.StatusUnprocessableEntity)
}

func noGaps(t *testing.T, c *cluster) {
	const each = 40
	start := c.submit(t, 0, "gap-start", 1).Sequence
	sequences := make(chan int64, 2*each)
	var sending sync.WaitGroup
	for process := range c.processes {
		for i := range each {
			sending.Go(func() { sequences <- c.submit(t, process, fmt.Sprintf("gap-%d-%d", process, i), 5).Sequence })
		}
	}
	sending.Wait()
	close(sequences)
	var got []int64
	for s := range sequences {
		got = append(got, s-start)
	}
	slices.Sort(got)
	for i, s := range got {
		if s != int64(i)+1 {
			t.Fatalf("numbers after %d: %v, want each one up to %d once", start, got, 2*each)
		}
	}
}

// twoProcessesAgree submits from many players at once to both processes, and
// sorts what was acknowledged.
func twoProcessesAgree(t *testing.T, c *cluster) {
	type standing struct {
		player          string
		score, sequence int64
	}
	var mu sync.Mutex
	best := map[string]standing{}
	var sending sync.WaitGroup
	for i := range 20 {
		sending.Go(func() {
			for range 10 {
				// Few scores and few players: many ties, many improvements.
				player := fmt.Sprintf("agree-%d", rand.IntN(30))
				r := c.submit(t, i%2, player, 2_000_000+rand.Int64N(20))
				mu.Lock()
				if r.Sequence > best[player].sequence {
					best[player] = standing{player, r.Best, r.Sequence}
				}
				mu.Unlock()
			}
		})
	}
	sending.Wait()
	var want []string
	newest := int64(0)
	sorted := make([]standing, 0, len(best))
	for _, s := range best {
		sorted = append(sorted, s)
		newest = max(newest, s.sequence)
	}
	slices.SortFunc(sorted, func(a, b standing) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.sequence, b.sequence))
	})
	for _, s := range sorted {
		want = append(want, s.player)
	}
	for process := range c.processes {
		c.awaitSequence(t, process, newest)
		var got []string
		for n := 1; n <= 3; n++ {
			for _, e := range c.page(t, process, n).Entries {
				if strings.HasPrefix(e.Player, "agree-") {
					got = append(got, e.Player)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("process %d has\n%q, want\n%q", process, got, want)
		}
	}
}

func revalidated(t *testing.T, c *cluster) {
	r := c.submit(t, 0, "validator", MaxScore)
	for process := range c.processes {
		c.awaitSequence(t, process, r.Sequence)
	}
	first := call(t, "GET", c.urls[0]+"/api/pages/1", nil, "")
	etag := first.header.Get("ETag")
	for _, tt := range []struct {
		header string
		want   int
	}{
		{etag, 304},
		{"W/" + etag, 304},
		{`"other", ` + etag, 304},
		{"*", 304},
		{`"other"`, 200},
		{"", 200},
		{strings.Trim(etag, `"`), 200}, // not quoted: names nothing
		{`"unfinished`, 200},
		{`,,;garbage "`, 200},
	} {
		got := call(t, "GET", c.urls[1]+"/api/pages/1", map[string]string{"If-None-Match": tt.header}, "")
		if got.status != tt.want || got.header.Get("ETag") != etag || got.header.Get("Cache-Control") != "public, max-age=1" {
			t.Errorf("If-None-Match %s: %d with %v, want %d and ETag %s", tt.header, got.status, got.header, tt.want, etag)
		}
		if (got.status == 304) != (len(got.body) == 0) {
			t.Errorf("If-None-Match %s: %d with %d bytes", tt.header, got.status, len(got.body))
		}
	}
	c.submit(t, 0, "gap-0-0", 6) // elsewhere on the board, or nowhere near
	better := c.submit(t, 1, "validator-2", MaxScore)
	c.awaitSequence(t, 1, better.Sequence)
	changed := call(t, "GET", c.urls[1]+"/api/pages/1", map[string]string{"If-None-Match": etag}, "")
	if changed.status != 200 || changed.header.Get("ETag") == etag {
		t.Errorf("after a change on the page: %d with ETag %s, want 200 and another one", changed.status, changed.header.Get("ETag"))
	}
}

func encodings(t *testing.T, c *cluster) {
	plain := call(t, "GET", c.urls[0]+"/api/pages/1", nil, "")
	for _, tt := range []struct{ accept, want string }{
		{"gzip", "gzip"},
		{"br, GZIP;q=0.5", "gzip"},
		{"gzip;q=0", ""},
		{"gzip; q=0.000", ""},
		{"br", ""},
		{"xgzip", ""},
		{"", ""},
	} {
		got := call(t, "GET", c.urls[0]+"/api/pages/1", map[string]string{"Accept-Encoding": tt.accept}, "")
		if got.status != 200 || got.header.Get("Content-Encoding") != tt.want || got.header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: %d with %v, want encoding %q", tt.accept, got.status, got.header, tt.want)
		}
		if zipped := got.header.Get("ETag") != plain.header.Get("ETag"); zipped != (tt.want == "gzip") {
			t.Errorf("Accept-Encoding %q: ETag %s, that of the plain page is %s", tt.accept, got.header.Get("ETag"), plain.header.Get("ETag"))
		}
		if body := unzip(t, got); !bytes.Equal(body, plain.body) {
			t.Errorf("Accept-Encoding %q: %s, want %s", tt.accept, body, plain.body)
		}
	}
	head := call(t, "HEAD", c.urls[0]+"/api/pages/1", nil, "")
	if head.status != 200 || len(head.body) != 0 || head.header.Get("Content-Length") != fmt.Sprint(len(plain.body)) {
		t.Errorf("HEAD: %d with %v", head.status, head.header)
	}
}

func aroundMe(t *testing.T, c *cluster) {
	var last Receipt
	for i := range 12 {
		last = c.submit(t, i%2, fmt.Sprintf("near-%02d", i), 1_000_000-int64(i))
	}
	c.awaitSequence(t, 1, last.Sequence)
	var s Standing
	call(t, "GET", c.urls[1]+"/api/players/near-06", nil, "").into(t, &s)
	var around []string
	for i, e := range s.Around {
		around = append(around, e.Player)
		if e.Rank != s.Rank-span+int64(i) {
			t.Errorf("entry %d around rank %d has rank %d", i, s.Rank, e.Rank)
		}
	}
	want := []string{"near-01", "near-02", "near-03", "near-04", "near-05", "near-06", "near-07", "near-08", "near-09", "near-10", "near-11"}
	if s.Player != "near-06" || s.Score != 1_000_000-6 || s.Stale || !slices.Equal(around, want) {
		t.Errorf("standing %+v, want near-06 among %q", s, want)
	}
}

func beyondThePages(t *testing.T, c *cluster) {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, `,{"player":"deep-%03d","name":"D","score":500}`, i)
	}
	wantStatus(t, "import", c.importScores(t, b.String()[1:]), http.StatusNoContent)
	last := c.submit(t, 0, "deep-last", 2)
	c.awaitSequence(t, 1, last.Sequence)
	commands := value(t, c.processes[1].api.metrics.commands)
	var s Standing
	call(t, "GET", c.urls[1]+"/api/players/deep-last", nil, "").into(t, &s)
	n := len(s.Around)
	if s.Rank <= Pages*PageSize || s.Score != 2 || n < span+1 || s.Around[span].Player != "deep-last" || s.Around[span].Rank != s.Rank || s.Around[span].Name != "Name of deep-last" {
		t.Errorf("standing %+v, want deep-last with rank and name, after %d others", s, span)
	}
	if value(t, c.processes[1].api.metrics.commands) == commands {
		t.Error("Redis was not asked")
	}
	wantStatus(t, "an unknown player", call(t, "GET", c.urls[1]+"/api/players/nobody", nil, ""), http.StatusNotFound)
}

func (c *cluster) importScores(t *testing.T, scores string) reply {
	t.Helper()
	header := map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + adminToken}
	return call(t, "POST", c.admin.URL+"/admin/scores", header, `{"scores":[`+scores+`]}`)
}

func badRequests(t *testing.T, c *cluster) {
	jsonType := map[string]string{"Content-Type": "application/json"}
	for _, tt := range []struct {
		name, body string
		header     map[string]string
		want       int
	}{
		{"malformed JSON", `{"player":`, jsonType, 400},
		{"two values", `{"player":"a","name":"A","score":1}{}`, jsonType, 400},
		{"unknown field", `{"player":"a","name":"A","score":1,"x":1}`, jsonType, 400},
		{"no body", ``, jsonType, 400},
		{"no score", `{"player":"a","name":"A"}`, jsonType, 400},
		{"negative score", `{"player":"a","name":"A","score":-1}`, jsonType, 400},
		{"score over the limit", `{"player":"a","name":"A","score":2097152}`, jsonType, 400},
		{"huge score", `{"player":"a","name":"A","score":99999999999999999999}`, jsonType, 400},
		{"score with a fraction", `{"player":"a","name":"A","score":1.5}`, jsonType, 400},
		{"NaN", `{"player":"a","name":"A","score":NaN}`, jsonType, 400},
		{"score as text", `{"player":"a","name":"A","score":"1"}`, jsonType, 400},
		{"no player", `{"name":"A","score":1}`, jsonType, 400},
		{"player with a slash", `{"player":"a/b","name":"A","score":1}`, jsonType, 400},
		{"player over the limit", `{"player":"` + strings.Repeat("a", 33) + `","name":"A","score":1}`, jsonType, 400},
		{"no name", `{"player":"a","score":1}`, jsonType, 400},
		{"name over the limit", `{"player":"a","name":"` + strings.Repeat("ü", 33) + `","score":1}`, jsonType, 400},
		{"name with a line break", `{"player":"a","name":"A\nB","score":1}`, jsonType, 400},
		{"name that turns text around", `{"player":"a","name":"A\u202eB","score":1}`, jsonType, 400},
		{"name that is not UTF-8", "{\"player\":\"a\",\"name\":\"\xff\",\"score\":1}", jsonType, 400},
		{"body over the limit", `{"name":"` + strings.Repeat("x", 5000) + `"}`, jsonType, 413},
		{"wrong content type", `score=1`, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 415},
		{"no content type", `{}`, nil, 415},
		{"short idempotency key", `{}`, map[string]string{"Content-Type": "application/json", "Idempotency-Key": "short"}, 400},
	} {
		wantStatus(t, tt.name, call(t, "POST", c.urls[0]+"/api/scores", tt.header, tt.body), tt.want)
	}
	for path, want := range map[string]int{
		"/api/pages/0": 404, "/api/pages/41": 404, "/api/pages/-1": 404, "/api/pages/1e1": 404, "/api/pages/": 404, "/api/pages/01": 404, "/api/pages/x?y": 404,
		"/api/pages/99999999999999999999": 404, "/api/players/": 404, "/api/players/a%2Fb": 404, "/api/players/" + strings.Repeat("a", 33): 404,
		"/": 404, "/metrics": 404, "/admin/scores": 404, "/api/scores": 405,
	} {
		wantStatus(t, path, call(t, "GET", c.urls[0]+path, nil, ""), want)
	}
	r := call(t, "DELETE", c.urls[0]+"/api/pages/1", nil, "")
	wantStatus(t, "another method", r, http.StatusMethodNotAllowed)
	if r.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow: %q", r.header.Get("Allow"))
	}
	wantStatus(t, "large headers", call(t, "GET", c.urls[0]+"/api/pages/1", map[string]string{"X": strings.Repeat("x", 9000)}, ""), http.StatusRequestHeaderFieldsTooLarge)
	if r := call(t, "GET", c.urls[0]+"/api/pages/1?utm=1", nil, ""); r.status != 200 {
		t.Errorf("a page with a query: %d", r.status)
	}
}

func importKeepsBest(t *testing.T, c *cluster) {
	c.submit(t, 0, "import-a", 50)
	const scores = `{"player":"import-a","name":"A","score":40},{"player":"import-b","name":"B","score":60}`
	for range 2 {
		wantStatus(t, "import", c.importScores(t, scores), http.StatusNoContent)
	}
	if r := c.submit(t, 1, "import-a", 45); r.Best != 50 {
		t.Errorf("after an import of less the best is %d, want 50", r.Best)
	}
	if r := c.submit(t, 1, "import-b", 60); r.Improved || r.Best != 60 {
		t.Errorf("imported score: %+v, want 60 to stand", r)
	}
	for name, bad := range map[string]string{
		"nothing":               ``,
		"the same player twice": `{"player":"a","name":"A","score":1},{"player":"a","name":"A","score":2}`,
		"a bad score":           `{"player":"a","name":"A","score":-1}`,
		"more than a thousand":  strings.Repeat(`{"player":"a","name":"A","score":1},`, 1000) + `{"player":"b","name":"B","score":1}`,
	} {
		wantStatus(t, "import of "+name, c.importScores(t, bad), http.StatusBadRequest)
	}
}

func adminNeedsToken(t *testing.T, c *cluster) {
	for _, token := range []string{"", "Bearer ", "Bearer wrong", adminToken} {
		for _, path := range []string{"/admin/scores", "/admin/rebuild", "/admin/x"} {
			r := call(t, "POST", c.admin.URL+path, map[string]string{"Authorization": token}, "")
			wantStatus(t, fmt.Sprintf("%s with token %q", path, token), r, http.StatusUnauthorized)
		}
	}
	if r := call(t, "GET", c.admin.URL+"/metrics", nil, ""); r.status != 200 || !bytes.Contains(r.body, []byte("leaderboard_responses_total")) {
		t.Errorf("metrics: %d %.100s", r.status, r.body)
	}
}

func beforeServesTheSame(t *testing.T, c *cluster) {
	api := &API{admit: newAdmission(1e9), metrics: newMetrics(), log: c.processes[0].api.log}
	b := &before{client: c.clients(t).Redis, api: api}
	handler := api.server()
	handler.Handler = b.handle
	url := serve(t, handler)
	last := c.submit(t, 0, "before-last", 3)
	c.awaitSequence(t, 0, last.Sequence)
	for _, path := range []string{"/api/pages/1", "/api/pages/2", "/api/pages/40", "/api/players/tie-a", "/api/players/before-last"} {
		want, got := call(t, "GET", c.urls[0]+path, nil, ""), call(t, "GET", url+path, nil, "")
		if got.status != 200 || !bytes.Equal(got.body, want.body) {
			t.Errorf("GET %s before: %d %s, after: %s", path, got.status, got.body, want.body)
		}
	}
	wantStatus(t, "an unknown player", call(t, "GET", url+"/api/players/nobody", nil, ""), http.StatusNotFound)
	wantStatus(t, "an unknown page", call(t, "GET", url+"/api/pages/41", nil, ""), http.StatusNotFound)
}

// malformedRecord writes past the service what no player is.
func malformedRecord(t *testing.T, c *cluster) {
	item := encodePlayer(Improvement{Player: "stranger", Name: "S", Score: 1, Sequence: 1})
	delete(item, "score")
	_, err := c.db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(players), Item: item})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the record was seen", func() bool {
		n := 0.0
		for _, p := range c.processes {
			n += value(t, p.api.metrics.malformed)
		}
		return n == 1
	})
	c.awaitSequence(t, 0, c.lose(t, "after-the-stranger", 4))
}

func TestSubmissionIsIdempotent(t *testing.T) {
	c := newCluster(t)
	idempotencytest.Run(t, idempotencytest.Suite{
		URLs:        c.urls,
		Method:      http.MethodPost,
		Path:        "/api/scores",
		ContentType: "application/json",
		Body:        `{"player":"ann","name":"Ann","score":100}`,
		Other:       `{"player":"ann","name":"Ann","score":200}`,
		Success:     http.StatusOK,
		Effects:     c.receipts,
	})
}
