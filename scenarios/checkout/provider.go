package checkout

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/provingground/provingground/pkg/idempotency"
	"github.com/provingground/provingground/pkg/problem"
)

// Provider is a stand-in for a payment provider: it keeps its word by key, in its
// memory, and can be slow, decline, be away, and charge without answering.
type Provider struct {
	mu      sync.Mutex
	manners Manners
	charges map[string]*Charge // by key
}

// Manners are how a provider behaves.
type Manners struct {
	MedianMS     float64 `json:"median_ms"`      // until it answers
	P99MS        float64 `json:"p99_ms"`         // log-normal
	DeclineOneIn uint32  `json:"decline_one_in"` // keys; 0: none
	Silent       float64 `json:"silent"`         // share of the calls that are charged and never answered
	Away         bool    `json:"away"`           // refuses everything, charges nothing
}

// Charge is what the provider has on record of a key.
type Charge struct {
	ID     string `json:"id"`
	Key    string `json:"key"`
	Order  string `json:"order"`
	Amount int64  `json:"amount"`
	Status string `json:"status"` // captured, declined
}

// maxCharges bounds the stand-in's memory.
const maxCharges = 5_000_000

// NewProvider returns one that answers after 250 ms in the median and declines one
// key of 50.
func NewProvider() *Provider {
	return &Provider{manners: Manners{MedianMS: 250, P99MS: 800, DeclineOneIn: 50}, charges: map[string]*Charge{}}
}

// Public takes charges.
func (p *Provider) Public() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /charges", p.charge)
	return mux
}

// Admin sets the manners and shows the charges, for who makes faults and who judges.
func (p *Provider) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /admin/manners", p.setManners)
	mux.HandleFunc("GET /admin/charges", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, p.all()) })
	return mux
}

func (p *Provider) charge(w http.ResponseWriter, r *http.Request) {
	key, err := idempotency.Key(r.Header)
	if err != nil || key == "" {
		problem.Invalid("send an Idempotency-Key").Write(w)
		return
	}
	raw, err := problem.ReadJSON(w, r, 1<<10)
	if err != nil {
		problemOf(err).Write(w)
		return
	}
	var asked Charge
	if err := problem.DecodeStrict(raw, &asked); err != nil {
		problemOf(err).Write(w)
		return
	}
	c, m, ok := p.decide(key, asked)
	switch {
	case m.Away:
		problem.New(http.StatusServiceUnavailable, "away", "Away", "Nothing was charged.").After(1).Write(w)
	case !ok:
		problem.New(http.StatusUnprocessableEntity, "key-reused", "Key was used for another charge", "").Write(w)
	case rand.Float64() < m.Silent:
		<-r.Context().Done() // it is charged, and nobody is told
	case m.takes(r.Context()):
		answer(w, http.StatusCreated, c)
	}
}

// decide keeps the provider's word by key.
func (p *Provider) decide(key string, asked Charge) (Charge, Manners, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.manners.Away || len(p.charges) >= maxCharges {
		return Charge{}, Manners{Away: true}, true
	}
	c := p.charges[key]
	if c == nil {
		c = &Charge{ID: "ch_" + key, Key: key, Order: asked.Order, Amount: asked.Amount, Status: "captured"}
		h := fnv.New32a()
		h.Write([]byte(key))
		if one := p.manners.DeclineOneIn; one > 0 && h.Sum32()%one == 0 {
			c.Status = "declined"
		}
		p.charges[key] = c
	}
	return *c, p.manners, c.Amount == asked.Amount && c.Order == asked.Order
}

// takes waits for as long as a provider takes, and reports whether the caller did, too.
func (m Manners) takes(ctx context.Context) bool {
	sigma := math.Log(max(1, m.P99MS/m.MedianMS)) / 2.326 // the normal distribution's 99th percentile
	t := time.NewTimer(time.Duration(m.MedianMS * math.Exp(sigma*rand.NormFloat64()) * float64(time.Millisecond)))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (p *Provider) setManners(w http.ResponseWriter, r *http.Request) {
	var m Manners
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&m); err != nil || !(m.MedianMS > 0) || m.P99MS < m.MedianMS {
		problem.Invalid("manners need a median and a 99th percentile above it").Write(w)
		return
	}
	p.mu.Lock()
	p.manners = m
	p.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (p *Provider) all() []Charge {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Charge, 0, len(p.charges))
	for _, c := range p.charges {
		all = append(all, *c)
	}
	return all
}
