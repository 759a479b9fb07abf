package webhooks

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/ledger"
)

const (
	sendTimeout  = 6 * time.Second  // above the service's own
	sendDeadline = 60 * time.Second // until then an unknown event is sent again
	firstPause   = 250 * time.Millisecond
	lastPause    = 4 * time.Second
)

// sender sends events as a provider does: what is not definite it sends again,
// with the same id and a new signature.
type sender struct{ clients }

func (d *Driver) newSender() *sender { return &sender{d.newClients(sendTimeout)} }

// Send implements engine.Sender.
func (s *sender) Send(ctx context.Context, k int64) engine.Outcome {
	e, err := s.d.event(k)
	if err != nil {
		return engine.Outcome{Kind: engine.Unknown}
	}
	defer s.d.mischief.copies(ctx, s.d, e, k)()
	deadline := time.Now().Add(sendDeadline)
	unknown := false
	for attempt, pause := int64(0), firstPause; ; attempt, pause = attempt+1, min(2*pause, lastPause) {
		end, err := s.attempt(ctx, e, k+attempt)
		switch {
		case end == ledger.Acknowledged:
			s.d.mischief.remember(e)
			return engine.Outcome{Kind: engine.OK, Status: s.Resp.Status}
		case end == ledger.Refused:
			return engine.Outcome{Kind: engine.Status, Status: s.Resp.Status}
		}
		unknown = unknown || end == ledger.Unknown
		if err == nil && end == ledger.NotAttempted && !unknown {
			return engine.Outcome{Kind: engine.Refused, Status: s.Resp.Status}
		}
		if time.Now().After(deadline) || !sleep(ctx, pause/2+rand.N(pause)) {
			return s.GaveUp(end, err)
		}
	}
}

// attempt sends the event once and enters how that ended.
func (s *sender) attempt(ctx context.Context, e event, k int64) (ledger.End, error) {
	at := time.Now()
	request, err := s.d.request(e, at)
	if err != nil {
		return ledger.Unknown, err
	}
	s.d.entered(e, at)
	_, err = s.Do(ctx, k, request)
	end := s.readAnswer(e, err)
	s.d.answered(e, end, time.Now())
	return end, err
}

func (d *Driver) entered(e event, at time.Time) {
	d.ledger.Sent(e.id, e.what(), at)
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sent[e.what()]
	if s == nil {
		s = &sent{event: e, first: at}
		s.event.body = nil
		d.sent[e.what()] = s
	}
	s.attempts++
}

func (d *Driver) answered(e event, end ledger.End, at time.Time) {
	d.ledger.Answered(e.what(), end, at)
	if end != ledger.Acknowledged {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.sent[e.what()]; s.acked.IsZero() {
		s.acked = at
	}
}

// readAnswer classifies an answer; an acknowledgement must be complete and ours.
func (s *sender) readAnswer(e event, err error) ledger.End {
	end := s.End(err)
	if end != ledger.Acknowledged {
		return end
	}
	var accepted struct{ ID, Provider string }
	if err := json.Unmarshal(s.Resp.Body, &accepted); err != nil || accepted.ID != e.id || accepted.Provider != e.provider {
		return ledger.Unknown
	}
	return ledger.Acknowledged
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
