package servicebusdlq

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Group is the letters of one queue, reason and shape that are in one state.
type Group struct {
	Queue   string    `json:"queue"`
	Reason  string    `json:"reason"`
	Shape   string    `json:"shape"`
	State   State     `json:"state"`
	Letters int       `json:"letters"`
	Oldest  time.Time `json:"oldest"`
	Example string    `json:"example"` // a letter's id
}

// groups counts what is not settled, the largest group first.
func (d *desk) groups(w http.ResponseWriter, r *http.Request) {
	type key struct {
		queue, reason, shape string
		state                State
	}
	found := map[key]*Group{}
	err := d.vault.each(r.Context(), "", func(l *Letter) bool {
		k := key{l.Queue, l.Reason, l.Shape, l.State}
		g := found[k]
		if l.State.settled() {
			return true
		}
		if g == nil {
			g = &Group{l.Queue, l.Reason, l.Shape, l.State, 0, l.Died, l.ID}
			found[k] = g
		}
		g.Letters++
		if l.Died.Before(g.Oldest) {
			g.Oldest = l.Died
		}
		return true
	})
	all := []Group{}
	for _, g := range found {
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b Group) int {
		if a.Letters != b.Letters {
			return b.Letters - a.Letters
		}
		return strings.Compare(a.Queue+a.Reason+a.Shape, b.Queue+b.Reason+b.Shape)
	})
	d.answers.give(w, "groups", http.StatusOK, map[string]any{"groups": all}, err)
}
