package drills

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// Fault is what goes wrong between a Worker and a binding, as its runner has it.
type Fault struct {
	Effect string  `json:"effect"`         // none, away, lost or late
	Share  float64 `json:"share"`          // of the answers that are lost
	Late   int64   `json:"late,omitempty"` // milliseconds that one of two colos is behind
}

const faultTimeout = 5 * time.Second

// Bind sets the fault of the drill's bindings in each Worker. It returns how many
// calls have met one so far.
func Bind(ctx context.Context, d scenarios.Drill, s trial.Setup, f Fault) (hits int, err error) {
	for _, role := range s.Scenario.Roles {
		if role.Worker == "" {
			continue
		}
		for _, url := range s.AdminURLs(role.Name) {
			for _, binding := range d.Bindings {
				n, err := set(ctx, url+"/faults/"+binding, f)
				if err != nil {
					return 0, fmt.Errorf("fault of %s in %s: %w", binding, role.Name, err)
				}
				hits += n
			}
		}
	}
	return hits, nil
}

func set(ctx context.Context, url string, f Fault) (hits int, err error) {
	ctx, cancel := context.WithTimeout(ctx, faultTimeout)
	defer cancel()
	body, err := json.Marshal(f)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("the runner answers %s: %.200s", resp.Status, text)
	}
	var got struct{ Hits int }
	return got.Hits, json.Unmarshal(text, &got)
}
