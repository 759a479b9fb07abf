package judge

import (
	"fmt"
	"slices"
	"time"
)

// Ordered is a write that was acknowledged and took effect.
type Ordered struct {
	What        string
	Sent, Acked time.Time // for the first time
	Position    int64     // of its effect, among those that have an order
}

// Overtaken compares each write with the latest-applied one of those that were
// acknowledged before it was sent. It returns how many had one, and a sentence for
// each that was applied before it.
func Overtaken(writes []Ordered) (compared int, wrong []string) {
	bySent := slices.SortedFunc(slices.Values(writes), func(a, b Ordered) int { return a.Sent.Compare(b.Sent) })
	byAck := slices.SortedFunc(slices.Values(writes), func(a, b Ordered) int { return a.Acked.Compare(b.Acked) })
	next := 0
	var last *Ordered
	for _, w := range bySent {
		for ; next < len(byAck) && byAck[next].Acked.Before(w.Sent); next++ {
			if last == nil || byAck[next].Position > last.Position {
				last = &byAck[next]
			}
		}
		if last == nil {
			continue
		}
		compared++
		if last.Position > w.Position {
			wrong = append(wrong, fmt.Sprintf("%s was acknowledged at %s, %s was sent at %s and applied before it", last.What, clock(last.Acked), w.What, clock(w.Sent)))
		}
	}
	return compared, wrong
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }
