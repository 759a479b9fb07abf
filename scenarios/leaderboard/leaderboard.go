// Package leaderboard serves 50,000 reads of a board per second from two
// processes, and asks Redis about once in forty reads.
//
//	game ── POST /api/scores ──▶ api ×2 ─ one transaction ─▶ DynamoDB (the truth)
//	                               │        best score, sequence, key     │ stream
//	                               └─ at once ─▶ Redis sorted set ◀─ keeper ┘ repairs, rebuilds
//	                                                  │ four times a second
//	player ─ GET /api/pages/{n} ─▶ api ×2 ◀─ encoded once: plain, gzip, ETag
//	player ─ GET /api/players/{id} ▶ api ×2 ─ from the pages, else Redis in batches
//
// Who came first is decided by the store: every improvement takes the next
// number of a counter in the transaction that writes it. The numbers have no
// gaps, so the view knows, and every page says, up to which one it is complete.
//
// Start here: Service is what a client can ask. The boxes of the diagram are
// files: committer.go and dynamodb.go, redis.go and lua/, keeper.go with
// stream.go and rebuild.go, board.go and page.go, around.go; http.go and
// admin.go are the two listeners. before.go is the design that this one replaces.
package leaderboard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// What a caller can act on. Everything else is a dependency that failed.
var (
	ErrNotFound    = errors.New("no such player")
	ErrKeyReused   = errors.New("idempotency key was used with another body")
	ErrFull        = errors.New("the board has used up its sequence numbers")
	ErrUnavailable = errors.New("not attempted")
	ErrUnknown     = errors.New("a store did not answer: the outcome is unknown")
)

const (
	maxPlayer = 32 // bytes of a player's id
	maxName   = 32 // characters of a name
)

// A Submission is a score that a game reports.
type Submission struct {
	Player string
	Name   string // shown on the board; changes with an improvement only
	Score  int64
	Key    string // idempotency key
	Print  string // fingerprint of the request as it came, see idempotency.Fingerprint
}

// A Receipt is the answer to a submission. Improved says whether it became the
// player's best; Best and Sequence are those that stand after it.
type Receipt struct {
	ID       string `json:"id"`
	Player   string `json:"player"`
	Improved bool   `json:"improved"`
	Best     int64  `json:"best"`
	Sequence int64  `json:"sequence"`
}

// An Improvement is a player's new best as the store accepted it.
type Improvement struct {
	Player   string
	Name     string
	Score    int64
	Sequence int64
}

// An Entry is one line of the board.
type Entry struct {
	Rank   int64  `json:"rank"`
	Player string `json:"player"`
	Name   string `json:"name"`
	Score  int64  `json:"score"`
}

// Service takes scores and answers where players stand. Its methods are safe
// for concurrent use.
type Service struct {
	committer *committer
	store     *store
	view      *view
	board     *board
	around    *around
}

// Submit makes a score durable and returns its receipt; repeated with the same
// key and body it returns the same bytes. The board shows an improvement within
// a second.
func (s *Service) Submit(ctx context.Context, sub Submission) ([]byte, error) {
	return s.committer.submit(ctx, sub)
}

// Standing returns a player with those around, from the pages in memory if they
// reach that far, else from Redis.
func (s *Service) Standing(ctx context.Context, player string) (Standing, error) {
	if err := ValidPlayer(player); err != nil {
		return Standing{}, ErrNotFound
	}
	e := s.board.serving()
	if e == nil {
		return Standing{}, fmt.Errorf("%w: no view yet", ErrUnavailable)
	}
	if standing, ok := e.standing(player); ok {
		return standing, nil
	}
	if e.stale {
		return Standing{}, fmt.Errorf("%w: the view is being repaired", ErrUnavailable)
	}
	return s.around.ask(ctx, player)
}

// ValidPlayer says what is wrong with a player's id.
func ValidPlayer(player string) error {
	if player == "" || len(player) > maxPlayer {
		return fmt.Errorf("player must have 1 to %d characters", maxPlayer)
	}
	for _, c := range []byte(player) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return errors.New("player may hold letters, digits, '-', '_' and '.' only")
		}
	}
	return nil
}

// ValidName says what is wrong with a player's name.
func ValidName(name string) error {
	if !utf8.ValidString(name) || strings.ContainsRune(name, utf8.RuneError) {
		return errors.New("name must be valid UTF-8")
	}
	if n := utf8.RuneCountInString(name); n < 1 || n > maxName {
		return fmt.Errorf("name must have 1 to %d characters", maxName)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || isFormat(r) }) {
		return errors.New("name must not hold control characters")
	}
	return nil
}

// isFormat tells characters that turn or hide text around them on a page.
func isFormat(r rune) bool {
	return (r >= 0x80 && r <= 0x9f) || (r >= 0x200b && r <= 0x200f) || (r >= 0x2028 && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) || r == 0xfeff
}

// ValidScore says what is wrong with a score.
func ValidScore(score int64) error {
	if score < 0 || score > MaxScore {
		return fmt.Errorf("score must be a whole number from 0 to %d", MaxScore)
	}
	return nil
}
