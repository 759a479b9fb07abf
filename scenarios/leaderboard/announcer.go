package leaderboard

import (
	"context"
	"log/slog"
	"time"
)

const (
	announceLinger  = 50 * time.Millisecond // for company: each script costs Redis five commands
	announceTimeout = 250 * time.Millisecond
	announceBatch   = 500 // improvements in one script
)

// announcer brings committed improvements to the view at once. It is not
// needed: what it drops, fails to bring or had in hand when the process died,
// comes from the stream half a second later.
type announcer struct {
	view    *view
	queue   chan []Improvement
	metrics *metrics
	log     *slog.Logger
}

func newAnnouncer(v *view, m *metrics, log *slog.Logger) *announcer {
	return &announcer{view: v, queue: make(chan []Improvement, 256), metrics: m, log: log}
}

// announce never blocks.
func (a *announcer) announce(improvements []Improvement) {
	if len(improvements) == 0 {
		return
	}
	select {
	case a.queue <- improvements:
	default:
		a.metrics.dropped.Inc()
	}
}

// run announces until the queue is closed and empty.
func (a *announcer) run(ctx context.Context) {
	failing := false
	for improvements := range a.queue {
		sleep(ctx, announceLinger)
		for len(a.queue) > 0 && len(improvements) < announceBatch {
			improvements = append(improvements, <-a.queue...)
		}
		err := a.put(ctx, improvements)
		if failing != (err != nil) {
			failing = err != nil
			a.log.Warn("announcing to the view", "failing", failing, "error", err)
		}
	}
}

func (a *announcer) put(ctx context.Context, improvements []Improvement) error {
	ctx, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	accepted := int64(0)
	for _, imp := range improvements {
		accepted = max(accepted, imp.Sequence)
	}
	_, err := a.view.put(ctx, improvements, accepted, "")
	return err
}
