package edgeroom

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/provingground/provingground/loadtest/balancer"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
	"github.com/provingground/provingground/loadtest/ledger"
)

// clients are connections to the process, for one goroutine.
type clients struct {
	d *Driver
	*balancer.Clients
}

func (d *Driver) newClients() clients {
	return clients{d, balancer.NewClients(d.front, d.hosts, timeout)}
}

// counted is an answer of the counter.
type counted struct {
	Value int64
	Key   string
}

// read returns the counter's value, and the status of an answer that has none.
func (c *clients) read(ctx context.Context, k int64) (value int64, status int, err error) {
	request := fmt.Appendf(nil, "GET /api/counters/%s HTTP/1.1\r\nHost: edge\r\n\r\n", c.d.run)
	if _, err := c.Do(ctx, k, request); err != nil {
		return 0, 0, err
	}
	if c.Resp.Status != 200 {
		return 0, c.Resp.Status, fmt.Errorf("status %d", c.Resp.Status)
	}
	var got counted
	err = json.Unmarshal(c.Resp.Body, &got)
	return got.Value, c.Resp.Status, err
}

// add sends one increment and returns how that attempt ended.
func (c *clients) add(ctx context.Context, k int64, key string) (value int64, end ledger.End, err error) {
	request, err := http1.NewRequest("POST", "/api/counters/"+c.d.run+"/increments", "edge", nil, http1.Field{Name: "Idempotency-Key", Value: key})
	if err != nil {
		return 0, ledger.Unknown, err
	}
	if _, err := c.Do(ctx, k, request); err != nil {
		if engine.KindOf(err) == engine.Dial {
			return 0, ledger.NotAttempted, err
		}
		return 0, ledger.Unknown, err
	}
	end = ledger.EndOf(c.Resp.Status, c.Resp.Header("Retry-After") != nil)
	if end != ledger.Acknowledged {
		return 0, end, nil
	}
	var got counted
	if json.Unmarshal(c.Resp.Body, &got) != nil || got.Key != key {
		return 0, ledger.Unknown, nil
	}
	if string(c.Resp.Header("Idempotency-Replayed")) == "true" {
		c.d.replays.Add(1)
	}
	return got.Value, end, nil
}

// adder increments the counter.
type adder struct{ clients }

// Send implements engine.Sender. An increment that was repeated is one operation,
// from its first byte to its definite answer.
func (a *adder) Send(ctx context.Context, k int64) engine.Outcome {
	key := a.d.run + "-" + strconv.FormatInt(k, 10)
	var (
		value int64
		err   error
	)
	unknown := false
	called := a.d.now()
	end := a.d.increments.Ask(ctx, key, "increment "+key, ledger.Patience{Deadline: deadline, Pause: pause, Enough: func(end ledger.End, unknown bool) bool { return err == nil && end == ledger.NotAttempted && !unknown }}, func(ctx context.Context, n int) (end ledger.End) {
		value, end, err = a.add(ctx, k, key)
		unknown = unknown || end == ledger.Unknown
		return end
	})
	switch {
	case end == ledger.Acknowledged:
		a.d.history.add(operation{key: key, adds: true, value: value, known: true, called: called, answered: a.d.now()})
		return engine.Outcome{Kind: engine.OK, Status: a.Resp.Status}
	case unknown: // it may have happened at any time, or never
		a.d.history.add(operation{key: key, adds: true, called: called, answered: forever})
	case end == ledger.Refused:
		a.d.wrong.add("increment %s was refused with %d", key, a.Resp.Status)
	}
	return outcome(end, err, a.Resp.Status)
}

func outcome(end ledger.End, err error, status int) engine.Outcome {
	switch {
	case err != nil:
		return engine.Outcome{Kind: engine.KindOf(err)}
	case end == ledger.NotAttempted:
		return engine.Outcome{Kind: engine.Refused, Status: status}
	}
	return engine.Outcome{Kind: engine.Status, Status: status}
}

// reader reads the counter. A read without an answer says nothing, and is left out.
type reader struct{ clients }

// Send implements engine.Sender. A read is repeated until it is answered.
func (r *reader) Send(ctx context.Context, k int64) engine.Outcome {
	var (
		status int
		err    error
	)
	for begun := r.d.now(); r.d.now()-begun < deadline; {
		var value int64
		called := r.d.now()
		if value, status, err = r.read(ctx, k); err == nil {
			r.d.history.add(operation{value: value, known: true, called: called, answered: r.d.now()})
			return engine.Outcome{Kind: engine.OK, Status: status}
		}
		if !sleep(ctx, pause) {
			break
		}
	}
	if status != 0 {
		return engine.Outcome{Kind: engine.Status, Status: status}
	}
	return engine.Outcome{Kind: engine.KindOf(err)}
}

// repeat sends acknowledged increments again and wants their first answers.
func (d *Driver) repeat(ctx context.Context, most int) (repeated int) {
	c := d.newClients()
	defer c.Close()
	for k, o := range d.history.list() {
		if !o.adds || !o.known {
			continue
		}
		value, end, err := c.add(ctx, int64(k), o.key)
		if err != nil || end != ledger.Acknowledged || value != o.value {
			d.wrong.add("increment %s made %d, and when it was repeated it ended as %s with %d: %v", o.key, o.value, end, value, err)
		}
		if repeated++; repeated == most {
			break
		}
	}
	return repeated
}

const forever = time.Duration(1<<63 - 1)
