package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/coder/websocket"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/machine"
)

// What the live room is to carry, as `make load S=edgeroom` wants it.
const (
	crowdMembers    = 100
	crowdMessages   = 30  // a second
	crowdIncrements = 300 // a second, beside them
	crowdRows       = 5   // lasts as long as so many rows
)

// measureCrowd puts the scenario's target on one Worker and then on the other, in the
// same workerd.
func (p *pair) measureCrowd(ctx context.Context, o options, all []machine.Process, say io.Writer) ([]row, error) {
	var cases []pairing
	for _, w := range p.workers {
		load := func(ctx context.Context) (sample, error) { return loadCrowd(ctx, w, crowdRows*o.row) }
		cases = append(cases, pairing{name: fmt.Sprintf("%d members, %s", crowdMembers, w.language), server: []machine.Process{p.process()}, load: load})
	}
	return measure(ctx, o.rounds, cases, all, say)
}

// crowd are members of one room who hear what one of them says.
type crowd struct {
	members []*websocket.Conn
	began   time.Time

	mu    sync.Mutex
	heard *hdrhistogram.Histogram // microseconds from saying a message to hearing it
	count int64
	all   chan struct{} // closed when everybody has heard everything that was said
	want  int64         // deliveries; 0: not known yet
}

// loadCrowd lasts for d.
func loadCrowd(ctx context.Context, w *worker, d time.Duration) (sample, error) {
	room := fmt.Sprintf("crowd-%08x", rand.Uint32())
	c := &crowd{heard: hdrhistogram.New(1, time.Minute.Microseconds(), 3), all: make(chan struct{})}
	listening, leave := context.WithCancel(ctx)
	var listeners sync.WaitGroup
	defer func() {
		for _, conn := range c.members {
			_ = conn.CloseNow() // the room finds out
		}
		leave()
		listeners.Wait()
	}()
	for i := range crowdMembers {
		conn, err := joinRoom(ctx, w, room, strconv.Itoa(i))
		if err != nil {
			return sample{}, fmt.Errorf("member %d: %w", i, err)
		}
		c.members = append(c.members, conn)
		listeners.Go(func() { c.listen(listening, conn) })
	}
	c.began = time.Now()
	flow := func(name string, rate float64, sender engine.Sender) engine.Flow {
		return engine.Flow{
			Name: name, Schedule: engine.Constant{Rate: rate, Duration: d}, Workers: 1, MaxWorkers: 256, WarmUp: warmUp,
			New: func(int) (engine.Sender, error) { return sender, nil },
		}
	}
	increments := flow("increments", crowdIncrements, nil)
	increments.Workers = edgeUsers
	increments.New = func(int) (engine.Sender, error) { return &incrementer{worker: w, run: rand.Uint64()}, nil }
	messages := flow("messages", crowdMessages, &sayer{c})
	messages.MaxWorkers = 1 // who says the messages in their sequence
	res, err := engine.Run(ctx, engine.Options{}, increments, messages)
	if err != nil {
		return sample{}, err
	}
	if res.Interrupted {
		return sample{}, context.Cause(ctx)
	}
	return c.sample(ctx, res)
}

// sample waits until all is heard, and takes what is missing for failed.
func (c *crowd) sample(ctx context.Context, res *engine.Result) (sample, error) {
	counted, said := res.Flows[0], res.Flows[1]
	want := (said.Warm.Completed + said.Measured.Completed - said.Warm.Failed() - said.Measured.Failed()) * crowdMembers
	c.expect(want)
	select {
	case <-c.all:
	case <-time.After(talkTimeout):
	case <-ctx.Done():
		return sample{}, context.Cause(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := func(percent float64) time.Duration {
		return time.Duration(c.heard.ValueAtQuantile(percent)) * time.Microsecond
	}
	return sample{
		requests: counted.Warm.Completed + counted.Measured.Completed, elapsed: res.Elapsed,
		failed:  counted.Warm.Failed() + counted.Measured.Failed() + said.Warm.Failed() + said.Measured.Failed() + want - c.count,
		latency: quantiles{p50: counted.LatencyOK.Quantile(0.5), p99: counted.LatencyOK.Quantile(0.99)},
		heard:   quantiles{p50: at(50), p99: at(99)}, deliveries: c.count,
	}, nil
}

func (c *crowd) expect(want int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.want = want; c.count >= want {
		close(c.all)
		c.want = -1
	}
}

// listen hears a member's messages until the connection ends, and confirms them now
// and then, not all members at once.
func (c *crowd) listen(ctx context.Context, conn *websocket.Conn) {
	phase := rand.Int64N(confirmEvery)
	for {
		_, data, err := conn.Read(ctx)
		if err != nil {
			return
		}
		var h heard
		if json.Unmarshal(data, &h) != nil || h.Type != "message" {
			continue
		}
		c.hear(h)
		if (h.Seq+phase)%confirmEvery != 0 {
			continue
		}
		if conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"type":"seen","seq":%d}`, h.Seq)) != nil {
			return
		}
	}
}

// hear takes the time of a message, which is its text.
func (c *crowd) hear(h heard) {
	now := time.Since(c.began)
	said, err := strconv.ParseInt(h.Text, 10, 64)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && time.Duration(said) >= warmUp {
		_ = c.heard.RecordValue(min(max(1, (now-time.Duration(said)).Microseconds()), time.Minute.Microseconds())) // within its range
	}
	if c.count++; c.want > 0 && c.count == c.want {
		close(c.all)
	}
}

// sayer lets the members speak in turn.
type sayer struct{ crowd *crowd }

// Send implements [engine.Sender].
func (s *sayer) Send(ctx context.Context, k int64) engine.Outcome {
	ctx, cancel := context.WithTimeout(ctx, talkTimeout)
	defer cancel()
	text := fmt.Appendf(nil, `{"type":"say","id":"%d","text":"%d"}`, k, time.Since(s.crowd.began))
	if err := s.crowd.members[int(k)%crowdMembers].Write(ctx, websocket.MessageText, text); err != nil {
		return engine.Outcome{Kind: engine.KindOf(err)}
	}
	return engine.Outcome{Kind: engine.OK}
}

// Close implements [engine.Sender].
func (s *sayer) Close() error { return nil }

// writeCrowd prints what both Workers carried of the target.
func writeCrowd(out io.Writer, rows []row) error {
	_, err := fmt.Fprintf(out, "\n%d messages/s to each of %d members, beside %d increments/s\n", crowdMessages, crowdMembers, crowdIncrements)
	columns := []column{
		{"increments/s", func(r row) string { return strconv.FormatFloat(r.median(sample.rate), 'f', 0, 64) }},
		timed("p50", func(s sample) time.Duration { return s.latency.p50 }),
		timed("p99", func(s sample) time.Duration { return s.latency.p99 }),
		{"deliveries/s", func(r row) string {
			return strconv.FormatFloat(r.median(func(s sample) float64 { return float64(s.deliveries) / max(s.elapsed.Seconds(), 1e-9) }), 'f', 0, 64)
		}},
		timed("p50", func(s sample) time.Duration { return s.heard.p50 }),
		timed("p99", func(s sample) time.Duration { return s.heard.p99 }),
		{"server cores", func(r row) string {
			return strconv.FormatFloat(r.median(func(s sample) float64 { return s.server.Seconds() / max(s.elapsed.Seconds(), 1e-9) }), 'f', 2, 64)
		}},
		failures(),
	}
	return errors.Join(err, writeTable(out, "Worker in", columns, rows))
}
