package leaderboard

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
)

const (
	// maxCommands is what a read may cost Redis, in commands that are sent to it.
	maxCommands = 0.03
	sampled     = 200 // players that are looked up when the run is over
)

// Judge compares what the run was told with what happened. It waits for the
// follow-ups, and for the view to be complete.
func (d *Driver) Judge(ctx context.Context, o trial.Observed) ([]judge.Check, error) {
	if err := d.follow.settled(ctx); err != nil {
		return nil, err
	}
	board, err := d.board(ctx)
	if err != nil {
		return nil, err
	}
	newest := int64(0)
	for _, s := range board {
		newest = max(newest, s.sequence)
	}
	if err := d.awaitView(ctx, newest); err != nil {
		return nil, err
	}
	receipts, err := d.receipts(ctx)
	if err != nil {
		return nil, err
	}
	checks := []judge.Check{
		judge.Ledger(&d.ledger, receipts, "submissions", o.Drill),
		d.judgeTruth(board),
		d.judgeOrder(board),
		d.judgeBoard(ctx, board),
		d.judgeVisibility(),
		judge.Checkf("in time", d.follow.slow.Load() == 0, "%d improvements were on the pages of some process later than %v", d.follow.slow.Load(), visibleWithin).Timed(),
		judge.Checkf("answers", d.wrong.String() == "", "%s", orElse(d.wrong.String(), "every read and receipt was what it must be, and no process stepped back")),
	}
	if !o.Drill {
		sent, _ := d.costs.perRead()
		checks = append(checks, judge.Checkf("Redis", sent <= maxCommands, "%.4f commands were sent to Redis for each read (target %.2f)", sent, maxCommands).Timed())
	}
	return checks, nil
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// judgeTruth wants every player's best in the table: the highest acknowledged
// score, or that of a submission without an answer.
func (d *Driver) judgeTruth(board []standing) judge.Check {
	best, maybe := d.accepted.least()
	for _, s := range board {
		want, ok := best[s.Player]
		if !ok && !slices.Contains(maybe[s.Player], s.Score) {
			return judge.Checkf("best scores", false, "%s is in the table with %d, and nobody submitted it", s.Player, s.Score)
		}
		if s.Score != want && (s.Score < want || !slices.Contains(maybe[s.Player], s.Score)) {
			return judge.Checkf("best scores", false, "the best of %s is %d in the table, and %d was acknowledged", s.Player, s.Score, want)
		}
		delete(best, s.Player)
	}
	for player, score := range best {
		return judge.Checkf("best scores", false, "%d of %s was acknowledged, and the table does not have the player", score, player)
	}
	return judge.Checkf("best scores", true, "the table has the highest acknowledged score of each of %d players", len(board))
}

// judgeOrder wants numbers in the order of acceptance, each given once.
func (d *Driver) judgeOrder(board []standing) judge.Check {
	improvements := d.accepted.improvements()
	if wrong := outOfOrder(improvements); wrong != "" {
		return judge.Checkf("acceptance", false, "%s", wrong)
	}
	held := make(map[int64]string, len(board))
	for _, s := range board {
		if other, ok := held[s.sequence]; ok {
			return judge.Checkf("acceptance", false, "%s and %s both have number %d in the table", other, s.Player, s.sequence)
		}
		held[s.sequence] = s.Player
	}
	return judge.Checkf("acceptance", true, "%d improvements were numbered in the order in which they were acknowledged, each once", len(improvements))
}

// judgeBoard wants every process to serve the sorted table.
func (d *Driver) judgeBoard(ctx context.Context, board []standing) judge.Check {
	compared := 0
	for process, url := range d.api.urls {
		for n := 1; n <= pages; n++ {
			var p page
			if _, err := get(ctx, fmt.Sprintf("%s/api/pages/%d", url, n), &p); err != nil {
				return judge.Checkf("board", false, "page %d of process %d: %v", n, process, err)
			}
			if wrong := differs(p.Entries, board, n); wrong != "" {
				return judge.Checkf("board", false, "page %d of process %d: %s", n, process, wrong)
			}
			compared += len(p.Entries)
		}
		for range min(sampled, len(board)) {
			want := board[rand.IntN(len(board))]
			var got standing
			if _, err := get(ctx, url+"/api/players/"+want.Player, &got); err != nil || got.Rank != want.Rank || got.Score != want.Score || got.Name != want.Name {
				return judge.Checkf("board", false, "%s is number %d with %d, and process %d says number %d with %d (%v)",
					want.Player, want.Rank, want.Score, process, got.Rank, got.Score, err)
			}
			compared++
		}
	}
	return judge.Checkf("board", true, "%d places on pages and of players equal the table sorted by score and acceptance, in each of %d processes", compared, len(d.api.urls))
}

func differs(entries, board []standing, n int) string {
	first := min((n-1)*pageSize, len(board))
	want := board[first:min(first+pageSize, len(board))]
	if len(entries) != len(want) {
		return fmt.Sprintf("%d entries, want %d", len(entries), len(want))
	}
	for i, e := range entries {
		if w := want[i]; e.Rank != w.Rank || e.Player != w.Player || e.Score != w.Score || e.Name != w.Name {
			return fmt.Sprintf("number %d is %s with %d, want %s with %d, who was accepted as %d", e.Rank, e.Player, e.Score, w.Player, w.Score, w.sequence)
		}
	}
	return ""
}

func (d *Driver) judgeVisibility() judge.Check {
	if wrong := d.follow.wrong.String(); wrong != "" {
		return judge.Checkf("visibility", false, "%s", wrong)
	}
	checked := d.follow.checked.Load()
	return judge.Checkf("visibility", checked > 0, "%d improvements were looked for on the pages of every process, and were there or the page was marked (%d times)",
		checked, d.follow.marked.Load())
}
