package urlshortener

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
)

const readTimeout = 5 * time.Second

// reader sends redirects and checks every answer: known names lead exactly
// where they were made to lead, unknown ones nowhere.
type reader struct {
	clients
	rng     *rand.Rand
	scratch []byte
}

func (d *Driver) newReader(worker int) (*reader, error) {
	return &reader{clients: d.newClients(readTimeout), rng: rand.New(rand.NewPCG(uint64(worker), 1))}, nil
}

// Send implements engine.Sender.
func (r *reader) Send(ctx context.Context, k int64) engine.Outcome {
	if !r.d.viral.Load() && r.rng.Float64() < unknownShare || r.d.flood.Load() && r.rng.Float64() < floodShare {
		return r.unknown(ctx, k)
	}
	l := r.pick()
	if err := r.fetch(ctx, k, l.request); err != nil {
		r.d.uncertainReads.Add(1)
		return engine.Outcome{Kind: engine.KindOf(err)}
	}
	switch {
	case r.Resp.Status == http.StatusFound && string(r.Resp.Header("Location")) == l.target:
		l.clicks.Add(1)
		return engine.Outcome{Kind: engine.OK, Status: r.Resp.Status}
	case r.Resp.Status == http.StatusFound:
		return engine.Outcome{Kind: engine.Body, Status: r.Resp.Status}
	}
	return r.refusedOr(engine.Status)
}

func (r *reader) pick() *link {
	if r.d.viral.Load() {
		return &r.d.links[0]
	}
	return &r.d.links[r.d.popular.Rank(r.rng.Float64())]
}

// unknown asks for a name that must not resolve.
func (r *reader) unknown(ctx context.Context, k int64) engine.Outcome {
	if err := r.fetch(ctx, k, r.unknownRequest()); err != nil {
		return engine.Outcome{Kind: engine.KindOf(err)}
	}
	switch r.Resp.Status {
	case http.StatusNotFound:
		return engine.Outcome{Kind: engine.OK, Status: r.Resp.Status}
	case http.StatusFound:
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
func (r *reader) fetch(ctx context.Context, k int64, request []byte) error {
	_, err := r.Do(ctx, k, request)
	var broken *http1.Error
	if errors.As(err, &broken) && broken.Kind != http1.Timeout && ctx.Err() == nil {
		_, err = r.Do(ctx, k+1, request)
	}
	return err
}

// unknownRequest makes a request for a random code, a link that was deleted or
// has expired, or an alias that nobody claimed: a third each.
func (r *reader) unknownRequest() []byte {
	kind := r.rng.IntN(3)
	if r.d.flood.Load() && kind == 1 {
		kind = 0 // a scanner knows no old links
	}
	r.scratch = append(r.scratch[:0], "GET /"...)
	switch kind {
	case 0:
		const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		r.scratch = append(r.scratch, letters[r.rng.IntN(10)])
		for range 9 {
			r.scratch = append(r.scratch, letters[r.rng.IntN(len(letters))])
		}
	case 1:
		return r.d.gone[r.rng.IntN(len(r.d.gone))]
	default:
		r.scratch = append(r.scratch, "nobody-"...)
		for range 12 {
			r.scratch = append(r.scratch, byte('a'+r.rng.IntN(26)))
		}
	}
	r.scratch = append(r.scratch, " HTTP/1.1\r\nHost: "...)
	r.scratch = append(r.scratch, r.d.host()...)
	return append(r.scratch, "\r\n\r\n"...)
}
