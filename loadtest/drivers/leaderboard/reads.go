package leaderboard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
)

const (
	readTimeout = 5 * time.Second

	// The rest of the reads ask for a page without knowing it.
	conditionalShare = 0.09
	aroundShare      = 0.01
)

// reader asks for pages and players and checks every answer.
type reader struct {
	clients
	d       *Driver
	rng     *rand.Rand
	plain   [pages + 1][]byte // requests
	etags   [pages + 1][]byte // as last seen
	seen    []int64           // sequence that each process served last
	lives   []int64           // of the process then
	scratch []byte
}

func (d *Driver) newReader(s *site, worker int) *reader {
	r := &reader{
		clients: s.newClients(readTimeout), d: d, rng: rand.New(rand.NewPCG(uint64(worker), 1)),
		seen: make([]int64, len(s.hosts)), lives: make([]int64, len(s.hosts)),
	}
	for n := 1; n <= pages; n++ {
		r.plain[n] = fmt.Appendf(nil, "GET /api/pages/%d HTTP/1.1\r\nHost: board\r\nAccept-Encoding: gzip\r\n\r\n", n)
	}
	return r
}

// Send implements engine.Sender.
func (r *reader) Send(ctx context.Context, k int64) engine.Outcome {
	kind := r.rng.Float64()
	if kind < aroundShare {
		return r.around(ctx, k)
	}
	n := r.d.popular.Rank(r.rng.Float64()) + 1
	conditional := kind < aroundShare+conditionalShare && r.etags[n] != nil
	request := r.plain[n]
	if conditional {
		request = r.conditional(n)
	}
	process, err := r.fetch(ctx, k, request)
	if err != nil {
		return engine.Outcome{Kind: engine.KindOf(err)}
	}
	return r.page(process, n, conditional)
}

func (r *reader) conditional(n int) []byte {
	r.scratch = append(r.scratch[:0], r.plain[n][:len(r.plain[n])-2]...)
	r.scratch = append(r.scratch, "If-None-Match: "...)
	r.scratch = append(r.scratch, r.etags[n]...)
	return append(r.scratch, "\r\n\r\n"...)
}

// page checks an answer about a page. Its content is compared when the run is
// over; here it must be whole, and a process must not step back.
func (r *reader) page(process, n int, conditional bool) engine.Outcome {
	status := r.Resp.Status
	switch {
	case status == http.StatusNotModified && conditional && len(r.Resp.Body) == 0:
		r.d.same.Add(1)
	case status == http.StatusOK && r.whole(n):
		r.etags[n] = append(r.etags[n][:0], r.Resp.Header("ETag")...)
	case status == http.StatusOK || status == http.StatusNotModified:
		return engine.Outcome{Kind: engine.Body, Status: status}
	default:
		return r.refusedOr(engine.Status)
	}
	if r.site == r.d.api && !r.forward(process) {
		return engine.Outcome{Kind: engine.Body, Status: status}
	}
	return engine.Outcome{Kind: engine.OK, Status: status}
}

// whole looks at both ends of a body, zipped or not.
func (r *reader) whole(n int) bool {
	body := r.Resp.Body
	if string(r.Resp.Header("Content-Encoding")) == "gzip" {
		return len(body) > 20 && body[0] == 0x1f && body[1] == 0x8b
	}
	r.scratch = strconv.AppendInt(append(r.scratch[:0], `{"page":`...), int64(n), 10)
	return bytes.HasPrefix(body, r.scratch) && bytes.HasSuffix(body, []byte("]}"))
}

// forward checks that a process never serves an older edition than before, in
// one life.
func (r *reader) forward(process int) bool {
	r.d.reads.Add(1)
	if r.Resp.Header("Age") != nil {
		r.d.stale.Add(1)
	}
	sequence, err := strconv.ParseInt(string(r.Resp.Header("Leaderboard-Sequence")), 10, 64)
	if err != nil {
		r.d.wrong.add("process %d answered without a sequence", process)
		return false
	}
	if life := r.clients.Life(process); r.lives[process] != life {
		r.lives[process], r.seen[process] = life, 0
	}
	if sequence < r.seen[process] {
		r.d.wrong.add("process %d served sequence %d after %d", process, sequence, r.seen[process])
		return false
	}
	r.seen[process] = sequence
	return true
}

// around asks where a player stands.
func (r *reader) around(ctx context.Context, k int64) engine.Outcome {
	player := r.d.player(r.rng.IntN(r.d.players))
	r.scratch = fmt.Appendf(r.scratch[:0], "GET /api/players/%s HTTP/1.1\r\nHost: board\r\n\r\n", player)
	if _, err := r.fetch(ctx, k, r.scratch); err != nil {
		return engine.Outcome{Kind: engine.KindOf(err)}
	}
	if r.site == r.d.api {
		r.d.reads.Add(1)
	}
	switch {
	case r.Resp.Status == http.StatusOK && bytes.Contains(r.Resp.Body, []byte(`"player":"`+player+`"`)):
		return engine.Outcome{Kind: engine.OK, Status: r.Resp.Status}
	case r.Resp.Status == http.StatusOK || r.Resp.Status == http.StatusNotFound:
		r.d.wrong.add("%s is on the board and was answered %d %.100s", player, r.Resp.Status, r.Resp.Body)
		return engine.Outcome{Kind: engine.Body, Status: r.Resp.Status}
	}
	return r.refusedOr(engine.Status)
}

func (r *reader) refusedOr(kind engine.Kind) engine.Outcome {
	if r.Resp.Status == http.StatusServiceUnavailable && r.Resp.Header("Retry-After") != nil {
		kind = engine.Refused
	}
	return engine.Outcome{Kind: kind, Status: r.Resp.Status}
}

// fetch sends a GET, and once more to whom the balancer picks next when the
// connection broke: that is what a balancer does for idempotent requests.
func (r *reader) fetch(ctx context.Context, k int64, request []byte) (process int, err error) {
	process, err = r.Do(ctx, k, request)
	var broken *http1.Error
	if errors.As(err, &broken) && broken.Kind != http1.Timeout && ctx.Err() == nil {
		process, err = r.Do(ctx, k+1, request)
	}
	return process, err
}
