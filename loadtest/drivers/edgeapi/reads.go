package edgeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
)

// What is read, as shares; the rest are items that anybody may see.
const (
	listShare   = 0.04
	searchShare = 0.02
	knownShare  = 0.02
	againShare  = 0.08 // with the ETag of the last answer
)

// reader asks for items, lists and words, and checks every answer.
type reader struct {
	clients
	rng   *rand.Rand
	etags map[string]string
}

func (d *Driver) newReader(worker int) *reader {
	return &reader{clients: d.newClients(), rng: rand.New(rand.NewPCG(uint64(worker), 1)), etags: map[string]string{}}
}

// Send implements engine.Sender.
func (r *reader) Send(ctx context.Context, k int64) engine.Outcome {
	kind := r.rng.Float64()
	switch {
	case kind < listShare:
		return r.list(ctx, k, fmt.Sprintf("/api/items?limit=%d", 5+5*r.rng.IntN(3)))
	case kind < listShare+searchShare:
		return r.list(ctx, k, fmt.Sprintf("/api/items?limit=5&q=item+%d", r.d.popular.Rank(r.rng.Float64())))
	case kind < listShare+searchShare+knownShare:
		return r.known(ctx, k, r.pick())
	}
	return r.item(ctx, k, r.pick(), kind > 1-againShare)
}

func (r *reader) pick() *item { return r.d.items[r.d.popular.Rank(r.rng.Float64())] }

// item asks as anybody. The answer may come from the cache and must show nothing
// that is not for everybody.
func (r *reader) item(ctx context.Context, k int64, it *item, again bool) engine.Outcome {
	var fields []http1.Field
	seen := r.etags[it.id]
	if again = again && seen != ""; again {
		fields = append(fields, http1.Field{Name: "If-None-Match", Value: seen})
	}
	if out, ok := r.fetch(ctx, k, "/api/items/"+it.id, fields...); !ok {
		return out
	}
	if r.Resp.Status == http.StatusNotModified && again && len(r.Resp.Body) == 0 {
		return r.ok()
	}
	var b body
	if err := json.Unmarshal(r.Resp.Body, &b); err != nil || r.Resp.Status != http.StatusOK || b.ID != it.id {
		return r.bad("item " + it.id)
	}
	if b.Cost != nil {
		r.d.wrong.add("the cost of %s was shown to somebody who is not known", it.id)
		return engine.Outcome{Kind: engine.Body, Status: r.Resp.Status}
	}
	if len(r.etags) < 1000 {
		r.etags[it.id] = r.header("ETag")
	}
	return r.ok()
}

// known asks with the token: the answer must be as new as what was acknowledged
// before it was asked for, and nobody may keep it.
func (r *reader) known(ctx context.Context, k int64, it *item) engine.Outcome {
	before := it.known()
	if out, ok := r.fetch(ctx, k, "/api/items/"+it.id, r.d.bearer()); !ok {
		return out
	}
	var b body
	if err := json.Unmarshal(r.Resp.Body, &b); err != nil || r.Resp.Status != http.StatusOK || b.ID != it.id {
		return r.bad("item " + it.id)
	}
	if b.Version < before || b.Cost == nil || r.header("Cache-Control") != "private, no-store" {
		r.d.wrong.add("version %d of %s was acknowledged, and a read with the token, which no cache answers, then got version %d (%s)", before, it.id, b.Version, r.header("Cache-Control"))
		return engine.Outcome{Kind: engine.Body, Status: r.Resp.Status}
	}
	return r.ok()
}

func (r *reader) list(ctx context.Context, k int64, path string) engine.Outcome {
	if out, ok := r.fetch(ctx, k, path); !ok {
		return out
	}
	var page struct{ Items []body }
	if err := json.Unmarshal(r.Resp.Body, &page); err != nil || r.Resp.Status != http.StatusOK || bytes.Contains(r.Resp.Body, []byte(`"cost"`)) {
		return r.bad(path)
	}
	for i := 1; i < len(page.Items) && !bytes.Contains([]byte(path), []byte("q=")); i++ {
		if page.Items[i-1].Name > page.Items[i].Name {
			return r.bad(path)
		}
	}
	return r.ok()
}

// fetch sends a GET, and once more to whom the balancer picks next when the
// connection broke: that is what a balancer does for idempotent requests.
func (r *reader) fetch(ctx context.Context, k int64, path string, fields ...http1.Field) (out engine.Outcome, ok bool) {
	request, err := http1.NewRequest("GET", path, "edge", nil, fields...)
	if err != nil {
		return engine.Outcome{Kind: engine.Unknown}, false
	}
	_, err = r.Do(ctx, k, request)
	var broken *http1.Error
	if errors.As(err, &broken) && broken.Kind != http1.Timeout && ctx.Err() == nil {
		_, err = r.Do(ctx, k+1, request)
	}
	if err != nil {
		return engine.Outcome{Kind: engine.KindOf(err)}, false
	}
	if r.Resp.Status == http.StatusServiceUnavailable && r.Resp.Header("Retry-After") != nil {
		return engine.Outcome{Kind: engine.Refused, Status: r.Resp.Status}, false
	}
	return engine.Outcome{}, true
}

func (r *reader) ok() engine.Outcome {
	switch r.header("Cache-Status") {
	case "edgeapi; hit":
		r.d.hits.Add(1)
	case "edgeapi; fwd=bypass":
		r.d.bypassed.Add(1)
	default:
		r.d.misses.Add(1)
	}
	return engine.Outcome{Kind: engine.OK, Status: r.Resp.Status}
}

func (r *reader) bad(what string) engine.Outcome {
	if r.Resp.Status >= 500 {
		return engine.Outcome{Kind: engine.Status, Status: r.Resp.Status}
	}
	r.d.wrong.add("%s was answered %d %.200s", what, r.Resp.Status, r.Resp.Body)
	return engine.Outcome{Kind: engine.Body, Status: r.Resp.Status}
}
