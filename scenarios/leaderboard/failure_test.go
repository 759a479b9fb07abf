package leaderboard

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/redis/go-redis/v9"
)

// receipts counts the submissions in the table, past the service.
func (c *cluster) receipts(ctx context.Context) (int, error) {
	out, err := c.db.Scan(ctx, &dynamodb.ScanInput{TableName: aws.String(keys), ConsistentRead: aws.Bool(true), Select: types.SelectCount})
	if err != nil {
		return 0, fmt.Errorf("scan keys: %w", err)
	}
	return int(out.Count) - min(1, int(out.Count)), nil // the counter is one of them
}

// lose commits a score as a process that dies before it tells the view.
func (c *cluster) lose(t *testing.T, player string, score int64) (sequence int64) {
	t.Helper()
	s := c.processes[0].api.service.store
	dying := newCommitter(s, newMetrics(), func(imps []Improvement) {
		for _, imp := range imps {
			sequence = imp.Sequence
		}
	})
	if err := dying.bring(t.Context(), []Submission{{Player: player, Name: "Lost", Score: score}}); err != nil {
		t.Fatal(err)
	}
	return sequence
}

func (c *cluster) empty(t *testing.T) {
	t.Helper()
	if err := c.clients(t).Redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) rebuilds(t *testing.T) (n float64) {
	t.Helper()
	for _, p := range c.processes {
		n += value(t, p.api.metrics.rebuilds)
	}
	return n
}

func (c *cluster) repaired(t *testing.T) (n float64) {
	t.Helper()
	for _, p := range c.processes {
		n += value(t, p.api.metrics.repaired)
	}
	return n
}

func TestTheViewSurvives(t *testing.T) {
	c := newCluster(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *cluster)
	}{
		{"a process that dies between truth and view: the stream repairs", dyingProcess},
		{"the keeper's death: another process takes over from its checkpoint", dyingKeeper},
		{"a lost stream: a gap in the numbers causes a rebuild", lostStream},
		{"being emptied: it is rebuilt from the table, ties as they were", emptied},
		{"being emptied in the middle of a rebuild: the old rebuild is fenced off", emptiedInRebuild},
		{"a sleeper that wakes up and applies what is long outdated", sleeper},
		{"a restart with an older memory: pages never step back", olderMemory},
		{"an administrator who has it rebuilt", askedToRebuild},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, c) })
	}
}

func dyingProcess(t *testing.T, c *cluster) {
	repaired, rebuilds := c.repaired(t), c.rebuilds(t)
	sequence := c.lose(t, "orphan", 1000)
	for process := range c.processes {
		c.awaitSequence(t, process, sequence)
		if !slices.Contains(c.order(t, process), "orphan") {
			t.Errorf("process %d does not show the score of a process that died", process)
		}
	}
	if c.repaired(t) != repaired+1 || c.rebuilds(t) != rebuilds {
		t.Errorf("repaired %v, rebuilt %v, want one player by the stream and no rebuild", c.repaired(t)-repaired, c.rebuilds(t)-rebuilds)
	}
}

func dyingKeeper(t *testing.T, c *cluster) {
	rebuilds := c.rebuilds(t)
	holder := c.clients(t).Redis.Get(t.Context(), leaseKey).Val()
	keeper := slices.IndexFunc(c.processes, func(p *process) bool { return p.keeper.id == holder })
	if keeper < 0 {
		t.Fatalf("nobody keeps the view: lease %q", holder)
	}
	c.stops[keeper]()
	sequence := c.lose(t, "between-keepers", 1001) // while nobody looks
	c.awaitSequence(t, 1-keeper, sequence)
	if c.rebuilds(t) != rebuilds {
		t.Error("the successor rebuilt instead of reading on")
	}
	c.start()
	c.processes[keeper], c.processes = c.processes[2], c.processes[:2]
	c.urls[keeper], c.urls = c.urls[2], c.urls[:2]
	c.stops[keeper], c.stops = c.stops[2], c.stops[:2]
}

func lostStream(t *testing.T, c *cluster) {
	rebuilds := c.rebuilds(t)
	c.streaming(t, false)
	sequence := c.lose(t, "unstreamed", 1002)
	c.streaming(t, true)
	for process := range c.processes {
		c.awaitSequence(t, process, sequence)
	}
	if c.rebuilds(t) <= rebuilds {
		t.Error("the view got hold of a score that the stream never had, without a rebuild")
	}
	after := c.submit(t, 0, "after-the-gap", 1003)
	c.awaitSequence(t, 1, after.Sequence)
}

func (c *cluster) streaming(t *testing.T, on bool) {
	t.Helper()
	spec := &types.StreamSpecification{StreamEnabled: &on}
	if on {
		spec.StreamViewType = types.StreamViewTypeNewImage
	}
	_, err := c.db.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{TableName: aws.String(players), StreamSpecification: spec})
	if err != nil {
		t.Fatal(err)
	}
}

func emptied(t *testing.T, c *cluster) {
	last := c.submit(t, 0, "tied-1", 1500)
	last = c.submit(t, 1, "tied-0", last.Best)
	c.awaitSequence(t, 0, last.Sequence)
	want := c.page(t, 0, 1)
	rebuilds := c.rebuilds(t)
	c.empty(t)
	eventually(t, "the view is rebuilt", func() bool { return c.rebuilds(t) == rebuilds+1 })
	last = c.submit(t, 1, "after-emptied", 1)
	for process := range c.processes {
		c.awaitSequence(t, process, last.Sequence)
		got := c.page(t, process, 1)
		got.Entries = slices.DeleteFunc(got.Entries, func(e Entry) bool { return e.Player == "after-emptied" })
		if got.Stale || !slices.Equal(got.Entries, want.Entries) {
			t.Errorf("process %d after the rebuild: %+v, want %+v", process, got, want)
		}
	}
}

// emptiedInRebuild replays a rebuild whose view is taken from under it.
func emptiedInRebuild(t *testing.T, c *cluster) {
	v := c.processes[0].api.service.view
	if err := v.beginRebuild(t.Context(), "token of a sleeper"); err != nil {
		t.Fatal(err)
	}
	rebuilds := c.rebuilds(t)
	c.empty(t)
	eventually(t, "the keeper has rebuilt", func() bool { return c.rebuilds(t) > rebuilds })
	if _, err := v.put(t.Context(), []Improvement{{Player: "ghost", Name: "G", Score: 1, Sequence: 1}}, 0, "token of a sleeper"); err == nil {
		t.Error("the old rebuild went on")
	}
	if err := v.finishRebuild(t.Context(), "token of a sleeper", 1_000_000); err == nil {
		t.Error("the old rebuild declared the view complete")
	}
	last := c.submit(t, 0, "after-the-ghost", 1)
	c.awaitSequence(t, 0, last.Sequence)
	eventually(t, "the page is fresh", func() bool { return !c.page(t, 0, 1).Stale })
	wantStatus(t, "a player of the old rebuild", call(t, "GET", c.urls[0]+"/api/players/ghost", nil, ""), http.StatusNotFound)
}

func sleeper(t *testing.T, c *cluster) {
	old := c.submit(t, 0, "climber", 10)
	newer := c.submit(t, 1, "climber", 1600)
	c.awaitSequence(t, 0, newer.Sequence)
	v := c.processes[0].api.service.view
	moved, err := v.put(t.Context(), []Improvement{{Player: "climber", Name: "Old name", Score: 10, Sequence: old.Sequence}}, old.Sequence, "")
	if err != nil || moved != 0 {
		t.Errorf("an outdated improvement moved %d players, %v", moved, err)
	}
	last := c.submit(t, 0, "sleeper-last", 1)
	c.awaitSequence(t, 0, last.Sequence)
	for _, e := range c.page(t, 0, 1).Entries {
		if e.Player == "climber" && (e.Score != 1600 || e.Name != "Name of climber") {
			t.Errorf("climber is shown as %+v", e)
		}
	}
}

// olderMemory takes the view back in time, as a Redis that lost its last second.
func olderMemory(t *testing.T, c *cluster) {
	rdb := c.clients(t).Redis
	c.submit(t, 0, "remembered", 1700)
	// This one comes by the stream alone: nothing of before it comes that way later,
	// and would mend the view without a rebuild.
	last := c.lose(t, "streamed", 1)
	c.awaitSequence(t, 0, last)
	rebuilds := c.rebuilds(t)
	for _, err := range []error{
		rdb.ZRem(t.Context(), rankKey, "remembered").Err(),
		rdb.HSet(t.Context(), playersKey, ":through", last-1).Err(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := c.processes[0].board.edition().through; got < last {
		t.Errorf("the edition stepped back to %d", got)
	}
	// This happened without the checkpoint going back, so the numbers must tell.
	eventually(t, "the view is rebuilt", func() bool { return c.rebuilds(t) > rebuilds })
	c.awaitSequence(t, 1, c.submit(t, 1, "remembered-last", 1).Sequence)
	if !slices.Contains(c.order(t, 1), "remembered") {
		t.Error("what Redis forgot is not on the page")
	}
}

func askedToRebuild(t *testing.T, c *cluster) {
	rdb := c.clients(t).Redis
	if err := rdb.ZAdd(t.Context(), rankKey, redis.Z{Score: float64(weigh(MaxScore, 1)), Member: "stranger"}).Err(); err != nil {
		t.Fatal(err)
	}
	rebuilds := c.rebuilds(t)
	r := call(t, "POST", c.admin.URL+"/admin/rebuild", map[string]string{"Authorization": "Bearer " + adminToken}, "")
	wantStatus(t, "rebuild", r, http.StatusAccepted)
	eventually(t, "the view is rebuilt", func() bool { return c.rebuilds(t) > rebuilds })
	if err := rdb.ZScore(t.Context(), rankKey, "stranger").Err(); err == nil {
		t.Error("a player who is not in the table survived the rebuild")
	}
}

func TestRedisDiesBetweenTruthAndView(t *testing.T) {
	c := newCluster(t)
	rdb := c.servers.Get("redis")
	before := c.submit(t, 0, "early", 100)
	c.awaitSequence(t, 0, before.Sequence)
	c.awaitSequence(t, 1, before.Sequence)
	if err := rdb.Kill(); err != nil {
		t.Fatal(err)
	}
	during := c.submit(t, 1, "during", 200) // the truth does not need the view
	for process := range c.processes {
		eventually(t, "the page is marked", func() bool { return c.page(t, process, 1).Stale })
		r := call(t, "GET", c.urls[process]+"/api/pages/1", nil, "")
		if r.status != 200 || r.header.Get("Age") == "" {
			t.Errorf("a stale page: %d with Age %q, want 200 with its age", r.status, r.header.Get("Age"))
		}
		if got := c.order(t, process); !slices.Equal(got, []string{"early"}) {
			t.Errorf("a stale page holds %q", got)
		}
	}
	deep := call(t, "GET", c.urls[0]+"/api/players/somebody", nil, "")
	wantStatus(t, "a player beyond the pages", deep, http.StatusServiceUnavailable)
	if deep.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	if r := call(t, "GET", c.urls[0]+"/readyz", nil, ""); r.status != 200 {
		t.Errorf("readyz without Redis: %d, want 200: there is a page to serve", r.status)
	}
	if err := rdb.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	for process := range c.processes {
		c.awaitSequence(t, process, during.Sequence)
		eventually(t, "the page is fresh", func() bool { return !c.page(t, process, 1).Stale })
		if got := c.order(t, process); !slices.Equal(got, []string{"during", "early"}) {
			t.Errorf("after its return process %d shows %q", process, got)
		}
		if r := call(t, "GET", c.urls[process]+"/api/pages/1", nil, ""); r.header.Get("Age") != "" {
			t.Errorf("a fresh page has Age %q", r.header.Get("Age"))
		}
	}
}

func TestAPausedStoreLosesAndDoublesNothing(t *testing.T) {
	c := newCluster(t)
	first := c.submit(t, 0, "first", 10)
	c.awaitSequence(t, 0, first.Sequence)
	db := c.servers.Get("dynamodb")
	if err := db.Pause(); err != nil {
		t.Fatal(err)
	}
	const key, body = "key-of-a-paused-submission", `{"player":"paused","name":"P","score":20}`
	r := c.post(t, 0, key, body)
	// It got no further than reading, so it can promise that nothing happened.
	wantStatus(t, "a submission while the store stands still", r, http.StatusServiceUnavailable)
	if p := c.page(t, 0, 1); len(p.Entries) != 1 {
		t.Errorf("reads while the store stands still: %+v", p)
	}
	if err := db.Resume(); err != nil {
		t.Fatal(err)
	}
	var receipt Receipt
	eventually(t, "the repeated submission is accepted", func() bool {
		again := c.post(t, 1, key, body)
		if again.status == http.StatusOK {
			again.into(t, &receipt)
		}
		return again.status == http.StatusOK
	})
	if !receipt.Improved || receipt.Best != 20 || receipt.Sequence != 2 {
		t.Errorf("receipt %+v, want one improvement with the next number", receipt)
	}
	c.awaitSequence(t, 1, receipt.Sequence)
	if n, err := c.receipts(t.Context()); n != 2 || err != nil {
		t.Errorf("%d submissions in the table, %v, want 2", n, err)
	}
}

func TestTheEndOfAProcessLosesNothing(t *testing.T) {
	c := newCluster(t)
	p := c.processes[0]
	waiting := make([]*pending, 100)
	for i := range waiting {
		sub := Submission{Player: fmt.Sprintf("p%d", i%60), Name: "P", Score: int64(i), Key: fmt.Sprintf("key-of-the-end-%04d", i)}
		waiting[i] = &pending{Submission: sub, id: sub.Key, done: make(chan outcome, 1)}
		p.committer.queue <- waiting[i]
	}
	c.stops[0]() // as when the listeners have been drained
	for i, each := range waiting {
		if o := <-each.done; o.err != nil {
			t.Errorf("submission %d: %v", i, o.err)
		}
	}
	last, err := p.api.service.store.last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if last != int64(len(waiting)) {
		t.Errorf("%d improvements in the store, want %d: each was more than before", last, len(waiting))
	}
	c.awaitSequence(t, 1, last)
}

func unzip(t *testing.T, r reply) []byte {
	t.Helper()
	if r.header.Get("Content-Encoding") != "gzip" {
		return r.body
	}
	zr, err := gzip.NewReader(bytes.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	return body
}
