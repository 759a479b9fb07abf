package leaderboard

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	aroundWindow  = 12 * time.Millisecond // for company, before Redis is asked
	aroundBatch   = 64                    // players in one script
	aroundWaiting = 1024                  // in this process; beyond it 503
	aroundTimeout = 250 * time.Millisecond
)

// around looks players up in Redis, those of a few milliseconds together.
type around struct {
	view  *view
	queue chan *question
}

type question struct {
	player string
	answer chan answer
}

type answer struct {
	standing Standing
	err      error
}

func newAround(v *view) *around {
	return &around{view: v, queue: make(chan *question, aroundWaiting)}
}

// ask waits for the batch that carries the player.
func (a *around) ask(ctx context.Context, player string) (Standing, error) {
	q := &question{player: player, answer: make(chan answer, 1)}
	select {
	case a.queue <- q:
	default:
		return Standing{}, fmt.Errorf("%w: too many players are being looked up", ErrUnavailable)
	}
	select {
	case got := <-q.answer:
		return got.standing, got.err
	case <-ctx.Done():
		return Standing{}, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}

// run asks Redis until ctx ends.
func (a *around) run(ctx context.Context) {
	for {
		select {
		case first := <-a.queue:
			sleep(ctx, aroundWindow)
			a.serve(ctx, a.gather(first))
		case <-ctx.Done():
			return
		}
	}
}

func (a *around) gather(first *question) []*question {
	batch := []*question{first}
	for len(batch) < aroundBatch && len(a.queue) > 0 {
		batch = append(batch, <-a.queue)
	}
	return batch
}

func (a *around) serve(ctx context.Context, batch []*question) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), aroundTimeout)
	defer cancel()
	players := make([]string, len(batch))
	for i, q := range batch {
		players[i] = q.player
	}
	through, found, err := a.view.neighbours(ctx, players)
	for i, q := range batch {
		if err != nil {
			q.answer <- answer{err: fmt.Errorf("%w: %w", ErrUnavailable, err)}
			continue
		}
		q.answer <- standingOf(q.player, found[i], through)
	}
}

func standingOf(player string, near []Entry, through int64) answer {
	own := slices.IndexFunc(near, func(e Entry) bool { return e.Player == player })
	if own < 0 {
		return answer{err: ErrNotFound}
	}
	return answer{standing: newStanding(near[own], near, through, false)}
}
