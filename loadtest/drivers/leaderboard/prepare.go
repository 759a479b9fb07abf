package leaderboard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
)

const importBatch = 1000

// Prepare fills the board through the administration API, and waits until every
// process serves it.
func (d *Driver) Prepare(ctx context.Context, progress func(done, of int)) error {
	for first := 0; first < d.players; first += importBatch {
		if err := d.importScores(ctx, first, min(first+importBatch, d.players)); err != nil {
			return err
		}
		progress(min(first+importBatch, d.players), d.players)
	}
	return d.awaitView(ctx, int64(d.players))
}

func (d *Driver) importScores(ctx context.Context, first, end int) error {
	scores := make([]scoreBody, 0, end-first)
	for i := first; i < end; i++ {
		player := d.player(i)
		scores = append(scores, scoreBody{Player: player, Name: nameOf(player), Score: level * rand.Int64N(levels+1)})
	}
	raw, err := json.Marshal(map[string]any{"scores": scores})
	if err != nil {
		return err
	}
	for range 3 { // a repeated import changes nothing
		if err = d.post(ctx, "/admin/scores", raw); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("import players %d to %d: %w", first, end, err)
	}
	for _, s := range scores {
		d.accepted.seed(s)
	}
	return nil
}

func (d *Driver) post(ctx context.Context, path string, raw []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.setup.AdminURLs(after)[0]+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+d.setup.Env()["ADMIN_TOKEN"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("POST %s: %s: %.200s", path, resp.Status, answer)
	}
	return nil
}
