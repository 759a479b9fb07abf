package leaderboard

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/provingground/provingground/pkg/dynamoerr"
	"github.com/provingground/provingground/pkg/idempotency"
)

const (
	// maxBatch submissions fit into one transaction of 100 items: the counter,
	// and for each an item of the player and one of the key.
	maxBatch       = 49
	maxImportBatch = 99                      // without keys
	maxWaiting     = 1024                    // submissions in this process; beyond it 503
	linger         = 25 * time.Millisecond   // for company, before a batch is committed
	batchTimeout   = 2500 * time.Millisecond // below requestTimeout
	callTimeout    = 1 * time.Second
)

// pending is a submission that waits for its batch.
type pending struct {
	Submission
	id   string // of its receipt, the same in every attempt
	done chan outcome
}

type outcome struct {
	receipt []byte
	err     error
}

// committer writes submissions in batches, one transaction at a time. The
// transactions of all processes are ordered by one counter, which each expects
// as it read it: of two at once one is canceled and starts over.
type committer struct {
	store     *store
	queue     chan *pending
	committed func([]Improvement) // must not block
	metrics   *metrics
	now       func() time.Time
}

func newCommitter(s *store, m *metrics, committed func([]Improvement)) *committer {
	return &committer{store: s, queue: make(chan *pending, maxWaiting), committed: committed, metrics: m, now: time.Now}
}

// submit waits for the batch that carries the submission. A caller that leaves
// earlier leaves its outcome unknown.
func (c *committer) submit(ctx context.Context, sub Submission) ([]byte, error) {
	p := &pending{Submission: sub, id: rand.Text()[:16], done: make(chan outcome, 1)}
	select {
	case c.queue <- p:
	default:
		return nil, fmt.Errorf("%w: too many submissions wait", ErrUnavailable)
	}
	select {
	case o := <-p.done:
		return o.receipt, o.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnknown, ctx.Err())
	}
}

// run commits until ctx ends, and then what still waits.
func (c *committer) run(ctx context.Context) {
	var waiting []*pending
	for {
		if len(waiting) == 0 {
			select {
			case p := <-c.queue:
				waiting = append(waiting, p)
			case <-ctx.Done():
				if len(c.queue) == 0 {
					return
				}
				continue
			}
			sleep(ctx, linger)
		}
		for len(c.queue) > 0 && len(waiting) < maxWaiting {
			waiting = append(waiting, <-c.queue)
		}
		var batch []*pending
		batch, waiting = cut(waiting)
		c.commit(context.WithoutCancel(ctx), batch)
	}
}

// cut takes the next batch off the front: at most one submission of a player
// and one of a key, for a transaction may touch an item once.
func cut(waiting []*pending) (batch, rest []*pending) {
	players, keys := map[string]bool{}, map[string]bool{}
	for _, p := range waiting {
		if len(batch) == maxBatch || players[p.Player] || keys[p.Key] {
			rest = append(rest, p)
			continue
		}
		batch = append(batch, p)
		players[p.Player], keys[p.Key] = true, true
	}
	return batch, rest
}

// commit brings a batch to its end. A transaction whose answer was lost is
// looked up by the attempt after it: if it has happened, the keys are there; if
// it happens later, the counter that it expects is gone.
func (c *committer) commit(ctx context.Context, batch []*pending) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	var suspects []Improvement // that may have been written without an answer
	unknown := false
	for {
		plan, err := c.attempt(ctx, batch, suspects)
		if err == nil {
			plan.deliver()
			c.metrics.batches.Inc()
			c.committed(append(plan.improvements, plan.found...))
			return
		}
		if errors.Is(err, ErrUnknown) {
			unknown = true
			suspects = append(suspects, plan.improvements...)
		}
		if ctx.Err() != nil || !sleep(ctx, mathrand.N(10*time.Millisecond)) {
			fail(batch, err, unknown)
			return
		}
		c.metrics.retried.Inc()
	}
}

// attempt reads, decides and writes once. Its errors are ErrUnavailable and
// ErrUnknown; with the latter it returns the plan that may have been carried out.
func (c *committer) attempt(ctx context.Context, batch []*pending, suspects []Improvement) (*plan, error) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	now := c.now()
	seen, err := c.store.read(call, batch, now)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	p := decide(batch, seen)
	for _, imp := range suspects {
		if seen.players[imp.Player] == imp {
			p.found = append(p.found, imp)
		}
	}
	err = c.store.commit(call, p, seen, now)
	switch {
	case err == nil:
		return p, nil
	case dynamoerr.Canceled(err), dynamoerr.NotAttempted(err):
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return p, fmt.Errorf("%w: %w", ErrUnknown, err)
}

func fail(batch []*pending, err error, unknown bool) {
	if unknown {
		err = fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	for _, p := range batch {
		p.done <- outcome{err: err}
	}
}

// plan is what a batch comes to, given what the store holds.
type plan struct {
	improvements []Improvement
	found        []Improvement // of an earlier attempt, and in the store after all
	records      []idempotency.Record
	counter      int64 // after the batch
	outcomes     []outcome
	batch        []*pending
}

func (p *plan) deliver() {
	for i, each := range p.batch {
		each.done <- p.outcomes[i]
	}
}

// bring commits scores that carry no key, of different players: an import.
func (c *committer) bring(ctx context.Context, subs []Submission) error {
	for len(subs) > 0 {
		part := subs[:min(len(subs), maxImportBatch)]
		subs = subs[len(part):]
		batch := make([]*pending, len(part))
		for i, sub := range part {
			batch[i] = &pending{Submission: sub, done: make(chan outcome, 1)}
		}
		c.commit(ctx, batch)
		for _, p := range batch {
			if o := <-p.done; o.err != nil {
				return o.err
			}
		}
	}
	return nil
}

// decide numbers the improvements of a batch in the order in which they came.
func decide(batch []*pending, seen *seen) *plan {
	p := &plan{batch: batch, counter: seen.counter}
	for _, sub := range batch {
		p.outcomes = append(p.outcomes, p.decideOne(sub, seen))
	}
	return p
}

func (p *plan) decideOne(sub *pending, seen *seen) outcome {
	if rec, found := seen.records[sub.Key]; found && sub.Key != "" {
		if rec.Fingerprint != sub.Print {
			return outcome{err: ErrKeyReused}
		}
		return outcome{receipt: rec.Answer}
	}
	best, found := seen.players[sub.Player]
	improved := !found || sub.Score > best.Score
	if improved && p.counter == MaxSequence {
		return outcome{err: ErrFull}
	}
	if improved {
		p.counter++
		best = Improvement{Player: sub.Player, Name: sub.Name, Score: sub.Score, Sequence: p.counter}
		p.improvements = append(p.improvements, best)
	}
	receipt, err := json.Marshal(Receipt{ID: sub.id, Player: sub.Player, Improved: improved, Best: best.Score, Sequence: best.Sequence})
	if err != nil {
		return outcome{err: err}
	}
	if sub.Key != "" {
		p.records = append(p.records, idempotency.Record{Key: sub.Key, Fingerprint: sub.Print, Answer: receipt})
	}
	return outcome{receipt: receipt}
}

// sleep waits for d and reports whether ctx let it.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
