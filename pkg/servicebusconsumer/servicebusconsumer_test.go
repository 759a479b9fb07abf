package servicebusconsumer_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/pkg/servicebusconsumer"
	"github.com/provingground/provingground/pkg/servicebustest"
)

// bench is a server with a queue, a client of it, and a consumer.
type bench struct {
	server   *servicebustest.Server
	client   *azservicebus.Client
	consumer servicebusconsumer.Consumer

	mu       sync.Mutex
	outcomes map[servicebusconsumer.Outcome]int
}

func newBench(t *testing.T, sessions bool) *bench {
	t.Helper()
	s, err := servicebustest.NewServer(servicebustest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.CreateQueue("q", servicebustest.Settings{RequiresSession: sessions, LockDuration: 5 * time.Second, MaxDeliveryCount: 10}); err != nil {
		t.Fatal(err)
	}
	client, err := azservicebus.NewClientFromConnectionString(s.ConnectionString(), &azservicebus.ClientOptions{
		RetryOptions: azservicebus.RetryOptions{MaxRetries: 1, RetryDelay: 50 * time.Millisecond, MaxRetryDelay: 200 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.WithoutCancel(t.Context())) })
	b := &bench{server: s, client: client, outcomes: map[servicebusconsumer.Outcome]int{}}
	b.consumer = servicebusconsumer.Consumer{
		Client: client, Queue: "q", Messages: 4, MaxFailures: 3,
		Observe: func(_ *servicebusconsumer.Message, o servicebusconsumer.Outcome, _ error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.outcomes[o]++
		},
	}
	if sessions {
		b.consumer.Sessions = 4
	}
	return b
}

func (b *bench) count(o servicebusconsumer.Outcome) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.outcomes[o]
}

func (b *bench) send(t *testing.T, session string, bodies ...string) {
	t.Helper()
	sender, err := b.client.NewSender("q", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close(t.Context())
	for _, body := range bodies {
		m := &azservicebus.Message{Body: []byte(body)}
		if session != "" {
			m.SessionID = to.Ptr(session)
		}
		if err := sender.SendMessage(t.Context(), m, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// start consumes with that handler until stop or the test's end.
func (b *bench) start(t *testing.T, handle func(context.Context, *servicebusconsumer.Message) error) (stop func()) {
	t.Helper()
	c := b.consumer
	c.Handle = handle
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func (b *bench) left(t *testing.T) (active, dead int) {
	t.Helper()
	n, err := b.server.Counts("q")
	if err != nil {
		t.Fatal(err)
	}
	return n.Active, n.DeadLetter
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within 30 s", what)
		case <-tick.C:
		}
	}
}

// letter is the only dead letter.
func (b *bench) letter(t *testing.T) (reason, description string) {
	t.Helper()
	r, err := b.client.NewReceiverForQueue("q", &azservicebus.ReceiverOptions{SubQueue: azservicebus.SubQueueDeadLetter})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close(t.Context())
	got, err := r.PeekMessages(t.Context(), 10, nil)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d dead letters, %v; want one", len(got), err)
	}
	return *got[0].DeadLetterReason, *got[0].DeadLetterErrorDescription
}

func TestWhatAHandlerReturnsDecides(t *testing.T) {
	for name, tt := range map[string]struct {
		handle      func() error
		reason      string // empty: completed
		description string
		runs        int32
	}{
		"nil":       {func() error { return nil }, "", "", 1},
		"permanent": {func() error { return servicebusconsumer.Permanent("no-good", errors.New("it is red")) }, "no-good", "it is red", 1},
		"failing":   {func() error { return errors.New("not today") }, servicebusconsumer.KeepsFailing, "not today", 3},
		"panicking": {func() error { panic("nobody expects") }, servicebusconsumer.Panicked, "the handler panicked: nobody expects", 3},
	} {
		for _, sessions := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				b := newBench(t, sessions)
				session := ""
				if sessions {
					session = "s"
				}
				b.send(t, session, "a message")
				var runs atomic.Int32
				b.start(t, func(context.Context, *servicebusconsumer.Message) error { runs.Add(1); return tt.handle() })
				await(t, "settled", func() bool {
					active, dead := b.left(t)
					return active == 0 && dead == min(1, len(tt.reason))
				})
				if runs.Load() != tt.runs {
					t.Errorf("it ran %d times, want %d", runs.Load(), tt.runs)
				}
				if tt.reason == "" {
					return
				}
				if reason, description := b.letter(t); reason != tt.reason || description != tt.description {
					t.Errorf("dead for %s: %s; want %s: %s", reason, description, tt.reason, tt.description)
				}
			})
		}
	}
}

func TestAnOutageCostsNoDelivery(t *testing.T) {
	b := newBench(t, false)
	b.send(t, "", "a message")
	var runs, deliveries atomic.Int32
	b.start(t, func(_ context.Context, m *servicebusconsumer.Message) error {
		deliveries.Store(int32(m.DeliveryCount))
		if runs.Add(1) < 5 {
			return servicebusconsumer.Unavailable(errors.New("away"))
		}
		return nil
	})
	await(t, "done", func() bool { return b.count(servicebusconsumer.Done) == 1 })
	if runs.Load() != 5 || deliveries.Load() != 1 {
		t.Errorf("%d runs of delivery %d, want 5 of the first", runs.Load(), deliveries.Load())
	}
}

func TestTheLockIsKeptForAsLongAsTheHandlerWorks(t *testing.T) {
	b := newBench(t, false)
	b.send(t, "", "a message")
	var runs atomic.Int32
	b.start(t, func(ctx context.Context, _ *servicebusconsumer.Message) error {
		runs.Add(1)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(7 * time.Second): // longer than the lock
			return nil
		}
	})
	await(t, "done", func() bool { return b.count(servicebusconsumer.Done) == 1 })
	if runs.Load() != 1 {
		t.Errorf("it ran %d times", runs.Load())
	}
}

func TestNothingIsTakenAheadOfTheHandlers(t *testing.T) {
	b := newBench(t, false)
	b.send(t, "", "1", "2", "3", "4", "5", "6")
	release := make(chan struct{})
	var working atomic.Int32
	b.start(t, func(context.Context, *servicebusconsumer.Message) error { working.Add(1); <-release; return nil })
	await(t, "four at work", func() bool { return working.Load() == 4 })
	other, err := b.client.NewReceiverForQueue("q", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(t.Context())
	for range 2 {
		got, err := other.ReceiveMessages(t.Context(), 1, nil)
		if err != nil || len(got) != 1 {
			t.Fatalf("somebody else receives %d, %v", len(got), err)
		}
		if err := other.CompleteMessage(t.Context(), got[0], nil); err != nil {
			t.Error(err)
		}
	}
	close(release)
	await(t, "done", func() bool { return b.count(servicebusconsumer.Done) == 4 })
}

func TestASessionKeepsItsOrderWhileOneIsTriedAgain(t *testing.T) {
	b := newBench(t, true)
	b.send(t, "s", "1", "2", "3")
	var mu sync.Mutex
	var order string
	failed := false
	b.start(t, func(_ context.Context, m *servicebusconsumer.Message) error {
		mu.Lock()
		defer mu.Unlock()
		if string(m.Body) == "1" && !failed {
			failed = true
			return errors.New("once")
		}
		order += string(m.Body)
		return nil
	})
	await(t, "done", func() bool { return b.count(servicebusconsumer.Done) == 3 })
	if order != "123" {
		t.Errorf("handled %s", order)
	}
}

func TestWhoLosesTheLockInTheMiddleIsToldAtOnceAndTheMessageComesAgain(t *testing.T) {
	for name, sessions := range map[string]bool{"message": false, "session": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, sessions)
			b.send(t, map[bool]string{true: "s"}[sessions], "a message")
			stopRenewing := b.server.Inject(servicebustest.Fault{Operation: map[bool]servicebustest.Operation{false: "renew-lock", true: "renew-session-lock"}[sessions], Condition: "com.microsoft:server-busy"})
			var runs atomic.Int32
			b.start(t, func(ctx context.Context, _ *servicebusconsumer.Message) error {
				if runs.Add(1) > 1 {
					return nil
				}
				<-ctx.Done()
				stopRenewing()
				if !errors.Is(context.Cause(ctx), servicebusconsumer.ErrLost) {
					t.Errorf("the context ended with %v", context.Cause(ctx))
				}
				return nil // the effect is there: complete it
			})
			await(t, "done once and lost once", func() bool {
				return b.count(servicebusconsumer.Done) == 1 && b.count(servicebusconsumer.Lost) == 1
			})
			if runs.Load() != 2 {
				t.Errorf("it ran %d times, want twice", runs.Load())
			}
		})
	}
}

func TestDeadLettersOfAQueueWithSessionsAreConsumedWithout(t *testing.T) {
	b := newBench(t, true)
	b.send(t, "s", "a message")
	stop := b.start(t, func(context.Context, *servicebusconsumer.Message) error {
		return servicebusconsumer.Permanent("no-good", errors.New("x"))
	})
	await(t, "dead", func() bool { return b.count(servicebusconsumer.Dead) == 1 })
	stop()
	b.consumer.Dead, b.consumer.Sessions = true, 0
	session := make(chan string, 1)
	b.start(t, func(_ context.Context, m *servicebusconsumer.Message) error { session <- *m.SessionID; return nil })
	if got := <-session; got != "s" {
		t.Errorf("the session is %s", got)
	}
	await(t, "gone", func() bool { _, dead := b.left(t); return dead == 0 })
}

func TestAtTheEndMessagesAreGivenBack(t *testing.T) {
	b := newBench(t, false)
	b.consumer.Grace = 50 * time.Millisecond
	b.send(t, "", "a message")
	begun := make(chan struct{})
	stop := b.start(t, func(ctx context.Context, _ *servicebusconsumer.Message) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	})
	<-begun
	stop()
	got := make(chan struct{})
	b.start(t, func(context.Context, *servicebusconsumer.Message) error { close(got); return nil })
	<-got // and not when its lock has run out
	if active, dead := b.left(t); active > 1 || dead != 0 {
		t.Errorf("%d and %d dead are left", active, dead)
	}
}

func TestAConsumerThatLacksSomethingDoesNotRun(t *testing.T) {
	for _, c := range []servicebusconsumer.Consumer{{}, {Client: &azservicebus.Client{}, Queue: "q", Handle: func(context.Context, *servicebusconsumer.Message) error { return nil }, Dead: true, Sessions: 1}} {
		if err := c.Run(t.Context()); err == nil {
			t.Error("it ran")
		}
	}
}
