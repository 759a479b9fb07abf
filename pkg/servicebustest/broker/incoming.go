package broker

import (
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/message"
)

// Annotations that senders set or read.
const (
	annotationScheduled    = "x-opt-scheduled-enqueue-time"
	annotationPartition    = "x-opt-partition-key"
	annotationSequence     = "x-opt-sequence-number"
	annotationFirst        = "x-opt-enqueue-sequence-number"
	annotationEnqueued     = "x-opt-enqueued-time"
	annotationLockedUntil  = "x-opt-locked-until"
	annotationSource       = "x-opt-deadletter-source"
	annotationMessageState = "x-opt-message-state"
	annotationLockToken    = "x-opt-lock-token" // #nosec: no secret
)

// incoming is a message on its way into an entity, with what decides there.
type incoming struct {
	message.Message
	id        string
	session   string
	hasID     bool
	partition string
	scheduled int64 // 0: at once
	first     int64 // its first sequence number, if it has moved
	hops      int   // forwards so far
	count     uint32
}

// admit reads what decides about a message, gives it an id if it has none, and
// takes away annotations that are the broker's to write.
func (b *Broker) admit(m message.Message) incoming {
	p := m.Parts()
	in := incoming{Message: m, session: encoding.Text(p.Properties.At(message.PropertyGroupID))}
	in.hasID = p.Properties.Has(message.PropertyGroupID)
	changed := false
	own := func(e encoding.Entry) bool { return ownAnnotation(encoding.Text(e.Key)) }
	if slices.ContainsFunc(p.Annotations, own) {
		p.Annotations = slices.DeleteFunc(p.Annotations, own)
		changed = true
	}
	if v, ok := p.Annotations.Get(annotationScheduled); ok {
		if t, ok := v.(time.Time); ok && t.UnixMilli() > b.now {
			in.scheduled = t.UnixMilli()
		}
	}
	if v, ok := p.Annotations.Get(annotationPartition); ok {
		in.partition = encoding.Text(v)
	}
	id := p.Properties.At(message.PropertyMessageID)
	if id == nil || id == "" {
		token := b.options.Token()
		id = hex.EncodeToString(token[:])
		p.Properties = message.SetProperty(p.Properties, message.PropertyMessageID, id)
		changed = true
	}
	in.id = fmt.Sprint(id)
	if changed {
		in.Message = m.With(p)
	}
	return in
}

func ownAnnotation(name string) bool {
	switch name {
	case annotationSequence, annotationFirst, annotationEnqueued, annotationLockedUntil, annotationSource, annotationMessageState:
		return true
	}
	return false
}
