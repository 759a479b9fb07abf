//go:build unix

package sqsconsumer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/sqsconsumer"
)

var errAway = errors.New("the database is away")

func newClient(t *testing.T) *sqs.Client {
	t.Helper()
	env := servertest.Start(t, "aws").Env()
	return sqs.New(sqs.Options{
		Region: env["AWS_REGION"], BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL_SQS"]),
		Credentials: credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
	})
}

// queue is a queue with its dead-letter queue.
type queue struct {
	client    *sqs.Client
	url, dead string
}

func newQueue(t *testing.T, client *sqs.Client, name string) queue {
	t.Helper()
	make := func(name string) string {
		out, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
		if err != nil {
			t.Fatal(err)
		}
		return *out.QueueUrl
	}
	return queue{client, make(name), make(name + "-dead")}
}

func (q queue) send(t *testing.T, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		in := &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body, MessageAttributes: map[string]types.MessageAttributeValue{
			"kind": {DataType: aws.String("String"), StringValue: aws.String("made")},
		}}
		if _, err := q.client.SendMessage(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
}

// depth returns what a queue holds: messages to be received, and hidden ones.
func depth(t *testing.T, client *sqs.Client, url string) (visible, hidden int) {
	t.Helper()
	out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	number := func(name string) int {
		n, err := strconv.Atoi(out.Attributes[name])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	return number("ApproximateNumberOfMessages"), number("ApproximateNumberOfMessagesNotVisible")
}

// empty looks three times: a server counts visible and hidden messages one after
// the other, and one that becomes visible in between is in neither number.
func (q queue) empty(t *testing.T) func() bool {
	return func() bool {
		for range 3 {
			if visible, hidden := depth(t, q.client, q.url); visible+hidden != 0 {
				return false
			}
		}
		return true
	}
}

func (q queue) consumer(handle func(context.Context, sqsconsumer.Message) error) *sqsconsumer.Consumer {
	return &sqsconsumer.Consumer{
		Client: q.client, QueueURL: q.url, DeadLetterURL: q.dead, Handle: handle,
		Workers: 2, Visibility: 2 * time.Second, Wait: time.Second,
	}
}

// run runs a consumer until the test or stop ends it.
func run(t *testing.T, c *sqsconsumer.Consumer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestConsumer(t *testing.T) {
	client := newClient(t)
	for name, test := range map[string]func(*testing.T, queue){
		"messages are handled and deleted":                            handledAndDeleted,
		"one that fails comes back and the others do not":             partialFailure,
		"a permanent error goes to the dead-letter queue at once":     permanentError,
		"an error that stays goes there after MaxReceives":            lastingError,
		"an outage stops the receiving and kills nothing":             outage,
		"a slow message is extended and handled once":                 slowMessage,
		"the end gives back what is not handled in time":              gracefulEnd,
		"what a long poll brings after the end is given back":         lateDelivery,
		"a panic is an error of its message":                          panics,
		"no more messages are under way than workers times ten":       bounded,
		"a message that SQS takes away ends alone":                    takenAway,
		"a copy that dies between its burial and deletion comes back": burial,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newQueue(t, client, fmt.Sprintf("q%x", time.Now().UnixNano())))
		})
	}
}

func handledAndDeleted(t *testing.T, q queue) {
	var handled sync.Map
	run(t, q.consumer(func(_ context.Context, m sqsconsumer.Message) error {
		handled.Store(m.Body, m.Attributes["kind"])
		return nil
	}))
	q.send(t, "a", "b", "c")
	eventually(t, "the queue is empty", q.empty(t))
	for _, body := range []string{"a", "b", "c"} {
		if kind, ok := handled.Load(body); !ok || kind != "made" {
			t.Errorf("%s: handled %v with attribute %v", body, ok, kind)
		}
	}
}

func partialFailure(t *testing.T, q queue) {
	var good, bad atomic.Int32
	run(t, q.consumer(func(_ context.Context, m sqsconsumer.Message) error {
		if m.Body == "bad" && m.Receives == 1 {
			bad.Add(1)
			return errors.New("not yet")
		}
		good.Add(1)
		return nil
	}))
	q.send(t, "a", "bad", "c")
	eventually(t, "the queue is empty", q.empty(t))
	if good.Load() != 3 || bad.Load() != 1 {
		t.Errorf("%d handled and %d failed, want 3 and 1", good.Load(), bad.Load())
	}
}

// buried waits for one message on the dead-letter queue and returns it.
func (q queue) buried(t *testing.T) types.Message {
	t.Helper()
	var found []types.Message
	eventually(t, "a message is on the dead-letter queue", func() bool {
		out, err := q.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &q.dead, WaitTimeSeconds: 1, MessageAttributeNames: []string{"All"}})
		if err != nil {
			t.Fatal(err)
		}
		found = out.Messages
		return len(found) > 0
	})
	return found[0]
}

func wantBuried(t *testing.T, m types.Message, body, reason, receives string) {
	t.Helper()
	got := func(name string) string { return aws.ToString(m.MessageAttributes[name].StringValue) }
	if aws.ToString(m.Body) != body || got(sqsconsumer.AttributeReason) != reason || got(sqsconsumer.AttributeReceives) != receives || got("kind") != "made" {
		t.Errorf("dead letter %q, reason %q, receives %q, kind %q; want %q, %q, %q and made",
			aws.ToString(m.Body), got(sqsconsumer.AttributeReason), got(sqsconsumer.AttributeReceives), got("kind"), body, reason, receives)
	}
}

func permanentError(t *testing.T, q queue) {
	run(t, q.consumer(func(context.Context, sqsconsumer.Message) error {
		return fmt.Errorf("handle: %w", sqsconsumer.Permanent(errors.New("unknown version 9")))
	}))
	q.send(t, "poison")
	wantBuried(t, q.buried(t), "poison", "handle: unknown version 9", "1")
	eventually(t, "the queue is empty", q.empty(t))
}

func lastingError(t *testing.T, q queue) {
	c := q.consumer(func(context.Context, sqsconsumer.Message) error { return errors.New("still broken") })
	c.MaxReceives = 2
	run(t, c)
	q.send(t, "broken")
	wantBuried(t, q.buried(t), "broken", "still broken", "2")
	eventually(t, "the queue is empty", q.empty(t))
}

func outage(t *testing.T, q queue) {
	var away atomic.Bool
	var probes, handled atomic.Int32
	away.Store(true)
	c := q.consumer(func(context.Context, sqsconsumer.Message) error {
		if away.Load() {
			return sqsconsumer.Unavailable(errAway)
		}
		handled.Add(1)
		return nil
	})
	var most atomic.Int32
	c.MaxReceives = 2
	c.Observe = func(m sqsconsumer.Message, _ sqsconsumer.Outcome, _ error) {
		most.Store(max(most.Load(), int32(m.Receives)))
	}
	c.Probe = func(context.Context) error {
		probes.Add(1)
		if away.Load() {
			return errAway
		}
		return nil
	}
	run(t, c)
	q.send(t, "a", "b", "c")
	eventually(t, "it has probed for longer than the visibility", func() bool { return probes.Load() >= 8 })
	away.Store(false)
	eventually(t, "the queue is empty", q.empty(t))
	if visible, hidden := depth(t, q.client, q.dead); visible+hidden != 0 || handled.Load() != 3 {
		t.Errorf("%d messages died in the outage, %d were handled after it; want 0 and 3", visible+hidden, handled.Load())
	}
	if most.Load() > 3 {
		t.Errorf("a message was received %d times because of one outage", most.Load())
	}
}

func slowMessage(t *testing.T, q queue) {
	var handled atomic.Int32
	release := make(chan struct{})
	c := q.consumer(func(context.Context, sqsconsumer.Message) error {
		handled.Add(1)
		<-release
		return nil
	})
	run(t, c)
	q.send(t, "slow")
	eventually(t, "it is under way", func() bool { return handled.Load() > 0 })
	// Another consumer sees nothing of it for longer than its visibility.
	other := q.consumer(func(context.Context, sqsconsumer.Message) error { handled.Add(1); return nil })
	stop := run(t, other)
	q.send(t, "behind")
	eventually(t, "what came later is done", func() bool { return handled.Load() == 2 })
	eventually(t, "the visibility it began with is over", timer(2*c.Visibility))
	stop()
	close(release)
	eventually(t, "the queue is empty", q.empty(t))
	if handled.Load() != 2 {
		t.Errorf("two messages were handled %d times", handled.Load())
	}
}

// timer reports true when the time has passed since its making.
func timer(d time.Duration) func() bool {
	end := time.Now().Add(d)
	return func() bool { return time.Now().After(end) }
}

func gracefulEnd(t *testing.T, q queue) {
	started := make(chan struct{}, 1)
	c := q.consumer(func(ctx context.Context, _ sqsconsumer.Message) error {
		started <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	c.Visibility, c.Grace = time.Hour, 10*time.Millisecond
	stop := run(t, c)
	q.send(t, "a")
	<-started
	stop()
	if visible, hidden := depth(t, q.client, q.url); visible != 1 || hidden != 0 {
		t.Errorf("after the end %d messages are visible and %d hidden, want 1 and 0", visible, hidden)
	}
}

// lateDelivery lets a long poll that was under way at the end bring a message when
// Grace is over. SQS hides it for an hour from whoever cut the poll off.
func lateDelivery(t *testing.T, q queue) {
	started, aborted := make(chan struct{}), make(chan struct{})
	c := q.consumer(func(ctx context.Context, m sqsconsumer.Message) error {
		if m.Body != "first" {
			t.Errorf("%s was handled", m.Body)
			return nil
		}
		close(started)
		<-ctx.Done()
		close(aborted)
		return ctx.Err()
	})
	poll := &holdDelivery{next: http.DefaultClient, body: "late", held: make(chan struct{}), until: aborted}
	c.Client = sqs.New(q.client.Options(), func(o *sqs.Options) { o.HTTPClient = poll })
	c.Visibility, c.Grace = time.Hour, 10*time.Millisecond
	stop := run(t, c)
	q.send(t, "first")
	<-started
	q.send(t, "late")
	<-poll.held
	stop()
	if visible, hidden := depth(t, q.client, q.url); visible != 2 || hidden != 0 {
		t.Errorf("after the end %d messages are visible and %d hidden, want 2 and 0", visible, hidden)
	}
}

// holdDelivery keeps the answer that brings a message on its way.
type holdDelivery struct {
	next  *http.Client
	body  string
	held  chan struct{} // closed when the answer is on its way
	until <-chan struct{}
	once  sync.Once
}

func (h *holdDelivery) Do(r *http.Request) (*http.Response, error) {
	resp, err := h.next.Do(r)
	if err != nil || !strings.Contains(r.Header.Get("X-Amz-Target"), "ReceiveMessage") {
		return resp, err
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(raw))
	if bytes.Contains(raw, []byte(strconv.Quote(h.body))) {
		h.once.Do(func() { close(h.held) })
		<-h.until
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return resp, nil
}

func panics(t *testing.T, q queue) {
	c := q.consumer(func(_ context.Context, m sqsconsumer.Message) error {
		if m.Body == "bad" {
			panic("out of range")
		}
		return nil
	})
	c.MaxReceives = 1
	run(t, c)
	q.send(t, "a", "bad")
	wantBuried(t, q.buried(t), "bad", "the handler panicked: out of range", "1")
	eventually(t, "the queue is empty", q.empty(t))
}

func bounded(t *testing.T, q queue) {
	var now, most atomic.Int32
	release := make(chan struct{})
	c := q.consumer(func(context.Context, sqsconsumer.Message) error {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		<-release
		now.Add(-1)
		return nil
	})
	c.Workers = 1
	for i := range 25 {
		q.send(t, strconv.Itoa(i))
	}
	run(t, c)
	eventually(t, "a full batch is under way", func() bool { return now.Load() == 10 })
	close(release)
	eventually(t, "the queue is empty", q.empty(t))
	if most.Load() != 10 {
		t.Errorf("%d messages were under way at once, want 10", most.Load())
	}
}

// burial loses the answer to everything once the message is buried, as a crash
// before the deletion would.
func burial(t *testing.T, q queue) {
	var tries atomic.Int32
	c := q.consumer(func(context.Context, sqsconsumer.Message) error {
		tries.Add(1)
		return sqsconsumer.Permanent(errors.New("poison"))
	})
	lose := &loseFirstDeletion{next: http.DefaultClient}
	c.Client = sqs.New(q.client.Options(), func(o *sqs.Options) { o.HTTPClient, o.RetryMaxAttempts = lose, 1 })
	run(t, c)
	q.send(t, "poison")
	eventually(t, "the queue is empty", q.empty(t))
	ids := map[string]bool{}
	for range 2 {
		m := q.buried(t)
		ids[aws.ToString(m.MessageAttributes[sqsconsumer.AttributeID].StringValue)] = true
	}
	if len(ids) != 1 || tries.Load() != 2 {
		t.Errorf("buried twice under %d ids after %d tries, want one id and 2", len(ids), tries.Load())
	}
}

// takenAway deletes one message of a batch behind the consumer's back, so that SQS
// refuses to extend it: its handler is told, and that of the others is not.
func takenAway(t *testing.T, q queue) {
	var mu sync.Mutex
	outcomes := map[string][]sqsconsumer.Outcome{}
	ended := func(body string) bool {
		mu.Lock()
		defer mu.Unlock()
		return len(outcomes[body]) > 0
	}
	release := make(chan struct{})
	var running atomic.Int32
	c := q.consumer(func(ctx context.Context, m sqsconsumer.Message) error {
		running.Add(1)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-release:
			return nil
		}
	})
	thief := &stealReceipt{next: http.DefaultClient, body: "taken"}
	c.Client = sqs.New(q.client.Options(), func(o *sqs.Options) { o.HTTPClient = thief })
	c.Workers = 1
	c.Observe = func(m sqsconsumer.Message, o sqsconsumer.Outcome, err error) {
		if o == sqsconsumer.Failed {
			t.Logf("%s: %v", m.Body, err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		outcomes[m.Body] = append(outcomes[m.Body], o)
	}
	q.send(t, "a", "taken", "c")
	run(t, c)
	eventually(t, "all three are under way", func() bool { return running.Load() == 3 })
	in := &sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: thief.receipt.Load()}
	if _, err := q.client.DeleteMessage(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its handler was told", func() bool { return ended("taken") })
	if ended("a") || ended("c") {
		t.Error("the handler of another message ended with it")
	}
	eventually(t, "the others were extended once more", timer(2*c.Visibility))
	close(release)
	eventually(t, "the queue is empty", q.empty(t))
	mu.Lock()
	defer mu.Unlock()
	want := map[string][]sqsconsumer.Outcome{"a": {sqsconsumer.Done}, "taken": {sqsconsumer.Lost}, "c": {sqsconsumer.Done}}
	if !maps.EqualFunc(outcomes, want, slices.Equal) || running.Load() != 3 {
		t.Errorf("%d handled, outcomes %v; want 3 and %v", running.Load(), outcomes, want)
	}
}

// stealReceipt notes the receipt handle of the message with this body.
type stealReceipt struct {
	next    *http.Client
	body    string
	receipt atomic.Pointer[string]
}

func (s *stealReceipt) Do(r *http.Request) (*http.Response, error) {
	resp, err := s.next.Do(r)
	if err != nil || !strings.Contains(r.Header.Get("X-Amz-Target"), "ReceiveMessage") {
		return resp, err
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(raw))
	var out struct {
		Messages []struct{ Body, ReceiptHandle string }
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, err
	}
	for _, m := range out.Messages {
		if m.Body == s.body {
			s.receipt.Store(&m.ReceiptHandle)
		}
	}
	return resp, nil
}

// loseFirstDeletion never sends the first deletion.
type loseFirstDeletion struct {
	next *http.Client
	lost atomic.Bool
}

func (l *loseFirstDeletion) Do(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.Header.Get("X-Amz-Target"), "DeleteMessageBatch") && l.lost.CompareAndSwap(false, true) {
		return nil, errors.New("connection reset")
	}
	return l.next.Do(r)
}

func TestAConsumerSaysWhatItLacks(t *testing.T) {
	c := &sqsconsumer.Consumer{QueueURL: "http://127.0.0.1:1/q"}
	if err := c.Run(t.Context()); err == nil {
		t.Error("a consumer without a handler runs")
	}
}
