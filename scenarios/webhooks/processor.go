package webhooks

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/provingground/provingground/pkg/traces"
)

const (
	// workers commit at the same time; each has its accounts, so that the events of
	// one stay in their order.
	workers = 2
	// maxBatch is how many events one transaction applies at most.
	maxBatch = 200
	// maxHeld bounds what one process has received and not finished, in messages.
	maxHeld = 1000

	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
)

// job is an event and who waits for its end. done gets nil when the event is
// applied or its dead letter is published, and an error when it should come again.
type job struct {
	event      Event
	attributes map[string]string
	done       func(error)
}

// processor is the one handler of events, wherever they come from: pull.go and
// push.go hand them over.
//
// What fails because something is away is tried again here, as long as it takes:
// its lease is extended and nothing new is received, so an outage neither burns
// attempts nor lets a later event of the account pass. What can never work is
// published to the dead-letter topic with its reason.
type processor struct {
	inbox   *inbox
	dead    *deadLetters
	metrics *metrics
	log     *slog.Logger
	traces  *traces.Provider
	from    traces.Channel
	seed    maphash.Seed
	queues  [workers]chan job
}

func newProcessor(inbox *inbox, dead *deadLetters, m *metrics, log *slog.Logger) *processor {
	p := &processor{inbox: inbox, dead: dead, metrics: m, log: log, seed: maphash.MakeSeed()}
	for i := range p.queues {
		p.queues[i] = make(chan job, maxHeld)
	}
	return p
}

// handle takes a message. It returns at once, and calls done later.
func (p *processor) handle(ctx context.Context, data []byte, attributes map[string]string, done func(error)) {
	event, err := unwrap(data, attributes, time.Now())
	if err != nil {
		done(p.refuse(ctx, data, attributes, err))
		return
	}
	queue := p.queues[maphash.String(p.seed, event.provider+"/"+event.Account)%workers]
	select {
	case queue <- job{event, attributes, done}:
	case <-ctx.Done():
		done(ctx.Err())
	}
}

// refuse buries a message that is no event.
func (p *processor) refuse(ctx context.Context, data []byte, attributes map[string]string, reason error) (err error) {
	_ = p.traces.Process(ctx, p.from, func(ctx context.Context) error {
		err = p.bury(ctx, data, attributes, reason)
		return reason
	}, attributes)
	return err
}

// bury publishes a dead letter. Until that is done the message comes again.
func (p *processor) bury(ctx context.Context, data []byte, attributes map[string]string, reason error) error {
	if err := p.dead.publish(ctx, data, attributes, reason); err != nil {
		p.log.Error("dead letter", "id", attributes[attributeID], "reason", reason.Error(), "error", err)
		return err
	}
	p.metrics.events.WithLabelValues("dead").Inc()
	p.log.Warn("dead letter", "provider", attributes[attributeSource], "id", attributes[attributeID], "reason", reason.Error())
	return nil
}

// run applies events until ctx ends, then what is queued once more.
func (p *processor) run(ctx context.Context) {
	var working sync.WaitGroup
	for _, queue := range p.queues {
		working.Go(func() { p.work(ctx, queue) })
	}
	working.Wait()
}

// work takes what there is, without waiting for more: while one transaction is
// under way the next batch gathers.
func (p *processor) work(ctx context.Context, queue chan job) {
	for {
		select {
		case <-ctx.Done():
			for len(queue) > 0 {
				finish(gather(<-queue, queue), ctx.Err())
			}
			return
		case first := <-queue:
			p.apply(ctx, gather(first, queue))
		}
	}
}

func gather(first job, queue chan job) []job {
	batch := []job{first}
	for len(batch) < maxBatch {
		select {
		case next := <-queue:
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

func finish(batch []job, err error) {
	for _, j := range batch {
		j.done(err)
	}
}

// apply ends when every job of the batch has ended.
func (p *processor) apply(ctx context.Context, batch []job) {
	events, origins := make([]Event, 0, len(batch)), make([]map[string]string, 0, len(batch))
	for _, j := range batch {
		events, origins = append(events, j.event), append(origins, j.attributes)
	}
	var fresh int
	err := p.traces.Process(ctx, p.from, func(ctx context.Context) (err error) {
		fresh, err = p.insist(ctx, events)
		return err
	}, origins...)
	switch {
	case err == nil:
		p.count(fresh, len(batch))
		finish(batch, nil)
	case away(err):
		finish(batch, err) // the process ends
	case len(batch) > 1: // one of them is the reason: the others are healthy
		for _, j := range batch {
			p.apply(ctx, []job{j})
		}
	default:
		finish(batch, p.bury(ctx, events[0].raw, batch[0].attributes, fmt.Errorf("PostgreSQL refuses it: %w", err)))
	}
}

func (p *processor) count(fresh, all int) {
	p.metrics.batch.Observe(float64(all))
	p.metrics.events.WithLabelValues("applied").Add(float64(fresh))
	p.metrics.events.WithLabelValues("repeated").Add(float64(all - fresh))
}

// insist tries until PostgreSQL answers or ctx ends.
func (p *processor) insist(ctx context.Context, events []Event) (fresh int, err error) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		fresh, err = p.inbox.apply(ctx, events)
		if err == nil || !away(err) {
			return fresh, err
		}
		p.metrics.away.Inc()
		p.log.Warn("PostgreSQL is away", "events", len(events), "error", err)
		if !sleep(ctx, pause/2+rand.N(pause)) {
			return 0, errors.Join(ctx.Err(), err)
		}
	}
}

// sleep reports whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
