package servicebusdlq

import (
	"context"
	"fmt"
	"slices"

	"github.com/provingground/provingground/pkg/problem"
)

// A Selection is letters by their ids, or all open ones that have what is named.
type Selection struct {
	IDs    []string `json:"ids,omitempty"`
	Queue  string   `json:"queue,omitempty"`
	Reason string   `json:"reason,omitempty"`
	Shape  string   `json:"shape,omitempty"`
}

func (s Selection) group() bool { return s.Queue != "" || s.Reason != "" || s.Shape != "" }

func (s Selection) matches(l *Letter) bool {
	return (s.Queue == "" || s.Queue == l.Queue) && (s.Reason == "" || s.Reason == l.Reason) && (s.Shape == "" || s.Shape == l.Shape)
}

func (s Selection) check() error {
	if (len(s.IDs) > 0) == s.group() || len(s.IDs) > maxBatch {
		return problem.Invalid(fmt.Sprintf("select up to %d ids, or a group by queue, reason and shape", maxBatch))
	}
	for _, id := range s.IDs {
		if !hexadecimal(id) {
			return problem.Invalid("ids are those of letters")
		}
	}
	return nil
}

// selected returns the ids of the letters, of a group of those that are open, the
// oldest first.
func (d *desk) selected(ctx context.Context, s Selection) ([]string, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if len(s.IDs) > 0 {
		for _, id := range s.IDs {
			if _, err := d.vault.find(ctx, id); err != nil {
				return nil, err
			}
		}
		return s.IDs, nil
	}
	var open []*Letter
	err := d.vault.each(ctx, "", func(l *Letter) bool {
		if l.State == Open && s.matches(l) {
			open = append(open, l)
		}
		return true
	})
	slices.SortFunc(open, func(a, b *Letter) int { return a.Died.Compare(b.Died) })
	ids := []string{}
	for _, l := range open[:min(len(open), maxBatch)] {
		ids = append(ids, l.ID)
	}
	return ids, err
}
