package edgeroom

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/ledger"
)

// speaker lets the members speak in turn.
type speaker struct{ d *Driver }

// Send implements engine.Sender. A message is its time of sending.
func (s *speaker) Send(ctx context.Context, k int64) engine.Outcome {
	m := s.d.members[int(k)%len(s.d.members)]
	id := s.d.run + "-m" + strconv.FormatInt(k, 10)
	now := int64(s.d.now())
	s.d.first.CompareAndSwap(0, now)
	text := strconv.FormatInt(now, 10)
	end := s.d.messages.Ask(ctx, id, "message "+id, ledger.Patience{Deadline: deadline, Pause: pause}, func(ctx context.Context, _ int) ledger.End {
		return m.say(ctx, id, text)
	})
	switch end {
	case ledger.Acknowledged:
		s.d.said.add(id, time.Duration(now), s.d.now())
		return engine.Outcome{Kind: engine.OK}
	case ledger.NotAttempted:
		return engine.Outcome{Kind: engine.Dial}
	case ledger.Refused:
		return engine.Outcome{Kind: engine.Status}
	}
	return engine.Outcome{Kind: engine.Timeout}
}

// Close implements engine.Sender: the connections are the members'.
func (s *speaker) Close() error { return nil }

// kept are the messages in the room's history, by sequence.
func (d *Driver) kept(ctx context.Context) ([]told, error) {
	c := d.newClients()
	defer c.Close()
	var all []told
	for {
		request := fmt.Appendf(nil, "GET /api/rooms/%s/messages?after=%d HTTP/1.1\r\nHost: edge\r\n\r\n", d.run, len(all))
		if _, err := c.Do(ctx, 0, request); err != nil {
			return nil, err
		}
		var page []told
		if err := json.Unmarshal(c.Resp.Body, &page); err != nil {
			return nil, fmt.Errorf("history: status %d: %w", c.Resp.Status, err)
		}
		if len(page) == 0 {
			return all, nil
		}
		for _, t := range page {
			if t.Seq != int64(len(all))+1 {
				return nil, fmt.Errorf("history: message %d follows %d", t.Seq, len(all))
			}
			all = append(all, t)
		}
	}
}

// present is how many clients the room says are there.
func (d *Driver) present(ctx context.Context) (int, error) {
	c := d.newClients()
	defer c.Close()
	request := fmt.Appendf(nil, "GET /api/rooms/%s/members HTTP/1.1\r\nHost: edge\r\n\r\n", d.run)
	if _, err := c.Do(ctx, 0, request); err != nil {
		return 0, err
	}
	var clients []string
	if err := json.Unmarshal(c.Resp.Body, &clients); err != nil {
		return 0, fmt.Errorf("members: status %d: %w", c.Resp.Status, err)
	}
	return len(clients), nil
}

// settled waits until each member has so many messages.
func (d *Driver) settled(ctx context.Context, n int64) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for _, m := range d.members {
		for m.last() < n {
			if !sleep(ctx, 50*time.Millisecond) {
				return fmt.Errorf("%s has %d of %d messages", m.id, m.last(), n)
			}
		}
	}
	return nil
}
