package edgeapi

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
	"github.com/provingground/provingground/loadtest/ledger"
)

const (
	deadline    = 40 * time.Second // until then an unknown or refused write is repeated
	pause       = 250 * time.Millisecond
	createShare = 0.2
	deleteShare = 0.1
	contended   = 10  // items that changes meet on
	lateShare   = 0.2 // of the changes, by somebody who saw the version before
)

// writer creates, changes and deletes items. It repeats what is not definite with
// the same key.
type writer struct {
	clients
	keys string // what its keys begin with
}

func (d *Driver) newWriter(keys string) *writer { return &writer{d.newClients(), keys} }

// Send implements engine.Sender.
func (w *writer) Send(ctx context.Context, k int64) engine.Outcome {
	rng := rand.New(rand.NewPCG(uint64(k), 2))
	key := w.keys + "-" + strconv.FormatInt(k, 10)
	switch kind := rng.Float64(); {
	case kind < createShare:
		return w.create(ctx, k, key)
	case kind < createShare+deleteShare:
		if c, ok := w.d.made.take(); ok {
			return w.remove(ctx, k, key, c)
		}
		return w.create(ctx, k, key)
	}
	it := w.d.items[rng.IntN(min(contended, len(w.d.items)))]
	seen := it.known()
	if seen > 1 && rng.Float64() < lateShare {
		seen--
	}
	return w.change(ctx, k, key, it, seen)
}

// write is one with its key, sent until the answer is definite.
type write struct {
	key, what    string
	method, path string
	version      int64 // that was seen; 0 for a creation
	draft        *draft
}

func (d *Driver) request(w write) ([]byte, error) {
	fields := []http1.Field{d.bearer(), {Name: "Idempotency-Key", Value: w.key}}
	if w.version > 0 {
		fields = append(fields, http1.Field{Name: "If-Match", Value: etag(w.version)})
	}
	if w.draft == nil {
		return http1.NewRequest(w.method, w.path, "edge", nil, fields...)
	}
	raw, err := json.Marshal(w.draft)
	if err != nil {
		return nil, err
	}
	return http1.NewRequest(w.method, w.path, "edge", raw, append(fields, http1.Field{Name: "Content-Type", Value: "application/json"})...)
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// by is how an item says who wrote it.
func by(key string) string { return "written by " + key }

func writerOf(description string) string {
	key, _ := strings.CutPrefix(description, "written by ")
	return key
}

// ask returns the last answer in w.Resp, and which process gave it.
func (w *writer) ask(ctx context.Context, l *ledger.Ledger, k int64, one write, whole func() bool) (end ledger.End, process int, err error) {
	request, err := w.d.request(one)
	if err != nil {
		return ledger.Unknown, 0, err
	}
	end = l.Ask(ctx, one.key, one.what, ledger.Patience{Deadline: deadline, Pause: pause}, func(ctx context.Context, n int) ledger.End {
		process, err = w.Do(ctx, k+int64(n), request)
		if err != nil {
			if engine.KindOf(err) == engine.Dial {
				return ledger.NotAttempted
			}
			return ledger.Unknown
		}
		end := ledger.EndOf(w.Resp.Status, w.Resp.Header("Retry-After") != nil)
		if end == ledger.Acknowledged && !whole() {
			return ledger.Unknown
		}
		return end
	})
	if end == ledger.Acknowledged && w.header("Idempotency-Replayed") == "true" {
		w.d.replays.Add(1)
	}
	return end, process, err
}

func (w *writer) create(ctx context.Context, k int64, key string) engine.Outcome {
	one := write{key: key, what: "item " + key, method: "POST", path: "/api/items", draft: &draft{Name: "New " + key, Description: by(key), Price: k, Cost: k}}
	var b body
	end, _, err := w.ask(ctx, &w.d.ledger, k, one, func() bool {
		return json.Unmarshal(w.Resp.Body, &b) == nil && b.Description == by(key) && b.ID != ""
	})
	if end == ledger.Acknowledged {
		w.d.made.add(created{id: b.ID, what: one.what})
	}
	return w.outcome(end, err)
}

func (w *writer) remove(ctx context.Context, k int64, key string, c created) engine.Outcome {
	one := write{key: key, what: "end of " + c.what, method: "DELETE", path: "/api/items/" + c.id, version: 1}
	w.d.ledger.Ending(c.what, time.Now())
	end, _, err := w.ask(ctx, &w.d.writes, k, one, func() bool { return w.Resp.Status == http.StatusNoContent })
	if end == ledger.Acknowledged {
		w.d.ledger.Over(c.what, time.Now())
	}
	return w.outcome(end, err)
}

// change replaces the version that was seen. That another one came before is an
// answer, too.
func (w *writer) change(ctx context.Context, k int64, key string, it *item, seen int64) engine.Outcome {
	one := write{
		key: key, what: "change " + key, method: "PUT", path: "/api/items/" + it.id, version: seen,
		draft: &draft{Name: "Item " + it.id[:6], Description: by(key), Price: k, Cost: k + 1},
	}
	var b body
	end, process, err := w.ask(ctx, &w.d.writes, k, one, func() bool {
		return json.Unmarshal(w.Resp.Body, &b) == nil && b.ID == it.id && b.Description == by(key)
	})
	switch {
	case end == ledger.Acknowledged:
		w.acknowledged(it, one, b, process)
	case end == ledger.Refused && w.Resp.Status == http.StatusPreconditionFailed:
		now, err := strconv.ParseInt(strings.Trim(w.header("ETag"), `"`), 10, 64)
		if err != nil {
			w.d.wrong.add("%s was refused without the ETag that is there", key)
		}
		it.old(seen, now, key)
		w.d.conflicts.Add(1)
		return engine.Outcome{Kind: engine.OK, Status: w.Resp.Status}
	default:
		it.lose(seen+1, key)
	}
	return w.outcome(end, err)
}

func (w *writer) acknowledged(it *item, one write, b body, process int) {
	if b.Version != one.version+1 {
		w.d.wrong.add("%s changed version %d of %s and was acknowledged as version %d", one.key, one.version, it.id, b.Version)
	}
	if other := it.acknowledged(b.Version, one.key); other != "" {
		w.d.wrong.add("%s and %s were both acknowledged as version %d of %s", other, one.key, b.Version, it.id)
	}
	w.d.follow.offer(promise{
		write: one, id: it.id, version: b.Version, bookmark: w.header("D1-Bookmark"), answer: string(w.Resp.Body),
		at: time.Now(), process: process,
	})
}

func (w *writer) outcome(end ledger.End, err error) engine.Outcome {
	switch {
	case end == ledger.Acknowledged:
		return engine.Outcome{Kind: engine.OK, Status: w.Resp.Status}
	case err != nil:
		return engine.Outcome{Kind: engine.KindOf(err)}
	case end == ledger.NotAttempted:
		return engine.Outcome{Kind: engine.Refused, Status: w.Resp.Status}
	case end == ledger.Refused:
		w.d.wrong.add("a write was refused with %d %.200s", w.Resp.Status, w.Resp.Body)
	}
	return engine.Outcome{Kind: engine.Status, Status: w.Resp.Status}
}

// String names a write in sentences.
func (w write) String() string { return fmt.Sprintf("%s %s of %s", w.method, w.path, w.key) }
