package leaderboard

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
	"github.com/provingground/provingground/loadtest/ledger"
)

const (
	writeTimeout  = 5 * time.Second
	writeDeadline = 40 * time.Second // until then an unknown or refused write is repeated
	writePause    = 250 * time.Millisecond

	// Scores are few, so that there are many ties, and seldom above those that the
	// board began with, so that the first page changes every few seconds.
	level      = 1000
	levels     = 1000
	aboveShare = 0.003
)

// writer submits scores. It repeats what is not definite with the same key.
type writer struct {
	clients
	d *Driver
}

func (d *Driver) newWriter() *writer {
	return &writer{clients: d.api.newClients(writeTimeout), d: d}
}

// submission is one score that is reported. Its key is its identity.
type submission struct {
	key    string
	player string
	score  int64
}

type scoreBody struct {
	Player string `json:"player"`
	Name   string `json:"name"`
	Score  int64  `json:"score"`
}

type receipt struct {
	ID       string `json:"id"`
	Player   string `json:"player"`
	Improved bool   `json:"improved"`
	Best     int64  `json:"best"`
	Sequence int64  `json:"sequence"`
}

func (d *Driver) submission(k int64) submission {
	rng := rand.New(rand.NewPCG(uint64(k), 2))
	s := submission{
		key:    d.run + "-submission-" + strconv.FormatInt(k, 10),
		player: d.player(rng.IntN(d.players)),
		score:  level * rng.Int64N(levels+1),
	}
	if rng.Float64() < aboveShare {
		s.score = level*levels + 1 + rng.Int64N(level*levels)
	}
	return s
}

func (s submission) request() ([]byte, error) {
	raw, err := json.Marshal(scoreBody{Player: s.player, Name: nameOf(s.player), Score: s.score})
	if err != nil {
		return nil, err
	}
	return http1.NewRequest("POST", "/api/scores", "board", raw,
		http1.Field{Name: "Content-Type", Value: "application/json"},
		http1.Field{Name: "Idempotency-Key", Value: s.key})
}

func nameOf(player string) string { return "Player " + player }

// Send implements engine.Sender.
func (w *writer) Send(ctx context.Context, k int64) engine.Outcome {
	s := w.d.submission(k)
	request, err := s.request()
	if err != nil {
		return engine.Outcome{Kind: engine.Unknown}
	}
	var (
		r       receipt
		process int
	)
	sent := time.Now()
	end := w.d.ledger.Ask(ctx, s.key, s.key, ledger.Patience{Deadline: writeDeadline, Pause: writePause}, func(ctx context.Context, n int) (end ledger.End) {
		process, err = w.Do(ctx, k+int64(n), request)
		end, r = w.readAnswer(s, err)
		return end
	})
	switch end {
	case ledger.Acknowledged:
		w.d.accepted.add(acceptance{submission: s, receipt: r, sent: sent, read: time.Now()})
		w.d.follow.add(promise{submission: s, receipt: r, at: time.Now(), process: process})
		return engine.Outcome{Kind: engine.OK, Status: w.Resp.Status}
	case ledger.Refused:
		return engine.Outcome{Kind: engine.Status, Status: w.Resp.Status}
	}
	w.d.accepted.lose(s)
	return w.GaveUp(end, err)
}

// readAnswer classifies an answer; an acknowledgement must be complete and ours.
func (w *writer) readAnswer(s submission, err error) (ledger.End, receipt) {
	end := w.End(err)
	if end != ledger.Acknowledged {
		return end, receipt{}
	}
	var r receipt
	if err := json.Unmarshal(w.Resp.Body, &r); err != nil || r.Player != s.player || r.ID == "" {
		return ledger.Unknown, receipt{}
	}
	if r.Best < s.score || r.Improved && r.Best != s.score {
		w.d.wrong.add("%d for %s was acknowledged with %s", s.score, s.player, fmt.Sprintf("%+v", r))
	}
	return ledger.Acknowledged, r
}
