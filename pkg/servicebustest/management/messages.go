package management

import (
	"strings"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/message"
)

func renewLock(b *broker.Broker, path string, a arguments) (encoding.Map, error) {
	tags, err := a.tags()
	if err != nil {
		return nil, err
	}
	ends := make([]time.Time, len(tags))
	for i, tag := range tags {
		if ends[i], err = b.RenewLock(path, tag); err != nil {
			return nil, err
		}
	}
	return encoding.Map{{Key: "expirations", Value: ends}}, nil
}

// peekBytes bounds the answer to one peek; the client asks again from where the
// answer ends.
const peekBytes = 1 << 20

func peek(b *broker.Broker, path string, a arguments) (encoding.Map, error) {
	n := int(min(a.integer("message-count"), maxItems))
	found, err := b.Peek(path, a.integer("from-sequence-number"), n, a.session())
	if err != nil || len(found) == 0 {
		return nil, err
	}
	size := 0
	for i, d := range found {
		if size += d.Message.Size(); size > peekBytes && i > 0 {
			found = found[:i]
			break
		}
	}
	return messages(found, false), nil
}

func messages(deliveries []broker.Delivery, withLock bool) encoding.Map {
	list := make(encoding.List, len(deliveries))
	for i, d := range deliveries {
		entry := encoding.Map{{Key: "message", Value: d.Encode()}}
		if withLock {
			entry = append(entry, encoding.Entry{Key: "lock-token", Value: broker.LockToken(d.Tag)})
		}
		list[i] = entry
	}
	return encoding.Map{{Key: "messages", Value: list}}
}

func receiveDeferred(b *broker.Broker, path string, a arguments) (encoding.Map, error) {
	sequences, err := a.sequences()
	if err != nil {
		return nil, err
	}
	forGood := a.integer("receiver-settle-mode") == 0
	taken, err := b.ReceiveDeferred(path, sequences, a.text("session-id"), forGood)
	if err != nil {
		return nil, err
	}
	return messages(taken, !forGood), nil
}

func updateDisposition(b *broker.Broker, path string, a arguments) (encoding.Map, error) {
	tags, err := a.tags()
	if err != nil {
		return nil, err
	}
	s := broker.Settlement{Properties: a.mapping("properties-to-modify")}
	switch strings.ToLower(a.text("disposition-status")) {
	case "completed":
		s.Verdict = broker.Complete
	case "abandoned":
		s.Verdict = broker.Abandon
	case "defered", "deferred": // the service and its clients misspell it
		s.Verdict = broker.Defer
	case "suspended":
		s.Verdict = broker.MoveDeadLetter
		s.Reason, s.Description = a.text("deadletter-reason"), a.text("deadletter-description")
	default:
		return nil, argumentError("The disposition status '%s' is not known.", a.text("disposition-status"))
	}
	for _, tag := range tags {
		if err := b.Settle(path, tag, s); err != nil {
			return nil, err
		}
	}
	return done(), nil
}

func schedule(b *broker.Broker, path string, a arguments) (encoding.Map, error) {
	items, err := a.items("messages")
	if err != nil {
		return nil, err
	}
	all := make([]message.Message, len(items))
	for i, item := range items {
		entry, _ := item.(encoding.Map)
		raw, _ := entry.Get("message")
		encoded, ok := raw.([]byte)
		if !ok {
			return nil, argumentError("Item %d has no message.", i)
		}
		if all[i], err = message.Parse(encoded); err != nil {
			return nil, argumentError("Item %d: %v.", i, err)
		}
	}
	sequences, err := b.Send(path, all...)
	if err != nil {
		return nil, err
	}
	return encoding.Map{{Key: "sequence-numbers", Value: sequences}}, nil
}

func cancelScheduled(b *broker.Broker, path string, a arguments) (encoding.Map, error) {
	sequences, err := a.sequences()
	if err != nil {
		return nil, err
	}
	return done(), b.Cancel(path, sequences)
}
