package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// errorText lists what went wrong, most frequent first; empty if nothing did.
func (c Counts) errorText() string {
	var parts []string
	for _, k := range c.byCount() {
		parts = append(parts, fmt.Sprintf("%s %s", grouped(c.Kinds[k]), k))
	}
	if c.Unanswered > 0 {
		parts = append(parts, grouped(c.Unanswered)+" unanswered")
	}
	if c.Unsent > 0 {
		parts = append(parts, grouped(c.Unsent)+" never sent")
	}
	return strings.Join(parts, ", ")
}

func (c Counts) byCount() []string {
	kinds := slices.Sorted(maps.Keys(c.Kinds))
	kinds = slices.DeleteFunc(kinds, func(k string) bool { return k == "ok" || k == "refused" })
	slices.SortStableFunc(kinds, func(a, b string) int { return int(c.Kinds[b] - c.Kinds[a]) })
	return kinds
}

// statusText lists the statuses of HTTP answers in their order.
func (c Counts) statusText() string {
	var parts []string
	for _, s := range slices.Sorted(maps.Keys(c.Statuses)) {
		parts = append(parts, fmt.Sprintf("%d × %s", s, grouped(c.Statuses[s])))
	}
	return strings.Join(parts, ", ")
}
