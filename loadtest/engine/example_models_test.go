package engine_test

import (
	"context"
	"fmt"
	"time"

	"github.com/provingground/provingground/loadtest/engine"
)

// queue stands for a client of an SDK or a generated gRPC client.
type queue struct{ timeout time.Duration }

func (queue) Publish(ctx context.Context, id string) error { return ctx.Err() }

// publisher makes a call of any client a sender: it gives the call a deadline and
// says how it ended.
type publisher struct{ queue }

func (p publisher) Send(ctx context.Context, k int64) engine.Outcome {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	return engine.Outcome{Kind: engine.KindOf(p.Publish(ctx, fmt.Sprintf("message-%d", k)))}
}

func (publisher) Close() error { return nil }

func newPublisher(int) (engine.Sender, error) { return publisher{queue{timeout: time.Second}}, nil }

// What is sent is a function: here a call of an SDK, by a schedule with a burst.
func Example_function() {
	res, err := engine.Run(context.Background(), engine.Options{}, engine.Flow{
		Name:     "messages",
		Schedule: engine.Spike{Rate: 50, Begin: 400 * time.Millisecond, For: 200 * time.Millisecond, Duration: time.Second},
		New:      newPublisher,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	f := res.Flows[0]
	fmt.Println(f.Model, "·", f.Load)
	fmt.Printf("%d of %d published\n", f.Measured.Kinds[engine.OK], f.Measured.Intended)
	// Output:
	// open loop · spike 50/s for 1s, 10× from 400ms for 200ms
	// 140 of 140 published
}

// Users who wait for their answers have to be asked for by name.
func Example_closedLoop() {
	res, err := engine.Run(context.Background(), engine.Options{}, engine.Flow{
		Name:   "publishers",
		Closed: &engine.ClosedLoop{Users: 20, Think: 50 * time.Millisecond, Duration: time.Second},
		New:    newPublisher,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	f := res.Flows[0]
	fmt.Println(f.Model, "·", f.Load)
	fmt.Println("about 400 published:", f.Goodput > 200 && f.Goodput < 600)
	// Output:
	// closed loop · closed loop, 20 users thinking 50ms, for 1s
	// about 400 published: true
}
