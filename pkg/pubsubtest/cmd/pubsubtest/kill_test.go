//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	topic        = "projects/p/topics/orders"
	subscription = "projects/p/subscriptions/mail"
)

// process is the command, on the same address and folder each time.
type process struct {
	binary, dir, address string
	cmd                  *exec.Cmd
}

func (p *process) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.binary, "-address", p.address, "-dir", p.dir)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	p.address, _, _ = strings.Cut(strings.TrimPrefix(line, "PUBSUB_EMULATOR_HOST="), " ")
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // says that it was killed
}

// ledger has what was answered, by message id.
type ledger struct {
	mu        sync.Mutex
	published map[string]bool
	acked     map[string]bool // with an answer
	tried     map[string]bool // perhaps acknowledged: the answer did not come
	again     []string        // delivered after an answered acknowledgement
}

// TestKillNineLosesNothingThatWasAnswered publishes and consumes while the
// server is killed at random points, and closes the books at the end: what was
// answered was delivered, and what was confirmed never came again.
func TestKillNineLosesNothingThatWasAnswered(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "pubsubtest")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p := &process{binary: binary, dir: t.TempDir(), address: "127.0.0.1:0"}
	p.start(t)
	defer func() { p.kill(t) }()
	create(t, p.address)
	books := &ledger{published: map[string]bool{}, acked: map[string]bool{}, tried: map[string]bool{}}
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for range 8 {
		goal := len(books.published) + 20 + random.IntN(400)
		ctx, cancel := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		reached := make(chan struct{})
		clients.Go(func() { books.publish(ctx, p.address, goal, reached) })
		clients.Go(func() { books.consume(ctx, p.address) })
		<-reached // more is on its way when the server dies
		p.kill(t)
		cancel()
		clients.Wait()
		p.start(t)
	}
	books.settle(t, p.address)
}

func clients(ctx context.Context, address string) (*pubsub.TopicAdminClient, *pubsub.SubscriptionAdminClient, error) {
	options := []option.ClientOption{
		option.WithEndpoint(address), option.WithoutAuthentication(), option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
	topics, err := pubsub.NewTopicAdminClient(ctx, options...)
	if err != nil {
		return nil, nil, err
	}
	subs, err := pubsub.NewSubscriptionAdminClient(ctx, options...)
	return topics, subs, err
}

func create(t *testing.T, address string) {
	t.Helper()
	topics, subs, err := clients(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer topics.Close()
	defer subs.Close()
	if _, err := topics.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
		t.Fatal(err)
	}
	config := &pubsubpb.Subscription{Name: subscription, Topic: topic, EnableExactlyOnceDelivery: true, AckDeadlineSeconds: 10}
	if _, err := subs.CreateSubscription(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}

func (l *ledger) publish(ctx context.Context, address string, goal int, reached chan<- struct{}) {
	topics, subs, err := clients(ctx, address)
	if err != nil {
		panic(err) // no connection is made here
	}
	defer topics.Close()
	defer subs.Close()
	for signalled := false; ctx.Err() == nil; {
		request := &pubsubpb.PublishRequest{Topic: topic}
		for i := range 5 {
			request.Messages = append(request.Messages, &pubsubpb.PubsubMessage{Data: fmt.Append(nil, i)})
		}
		response, err := topics.Publish(ctx, request)
		if err != nil {
			continue
		}
		l.mu.Lock()
		for _, id := range response.MessageIds {
			l.published[id] = true
		}
		enough := len(l.published) >= goal
		l.mu.Unlock()
		if enough && !signalled {
			signalled = true
			close(reached)
		}
	}
}

func (l *ledger) consume(ctx context.Context, address string) {
	topics, subs, err := clients(ctx, address)
	if err != nil {
		panic(err)
	}
	defer topics.Close()
	defer subs.Close()
	for ctx.Err() == nil {
		l.consumeOnce(ctx, subs)
	}
}

// consumeOnce acknowledges what one Pull brings, and returns how much that was.
func (l *ledger) consumeOnce(ctx context.Context, subs *pubsub.SubscriptionAdminClient) int {
	//lint:ignore SA1019 it returns when there is nothing
	response, err := subs.Pull(ctx, &pubsubpb.PullRequest{Subscription: subscription, MaxMessages: 20, ReturnImmediately: true})

	if err != nil || len(response.ReceivedMessages) == 0 {
		return 0
	}
	request := &pubsubpb.AcknowledgeRequest{Subscription: subscription}
	l.mu.Lock()
	for _, m := range response.ReceivedMessages {
		id := m.Message.MessageId
		if l.acked[id] {
			l.again = append(l.again, id)
		}
		l.tried[id] = true
		request.AckIds = append(request.AckIds, m.AckId)
	}
	l.mu.Unlock()
	if err := subs.Acknowledge(ctx, request); err != nil {
		return len(response.ReceivedMessages)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range response.ReceivedMessages {
		l.acked[m.Message.MessageId] = true
	}
	return len(response.ReceivedMessages)
}

// settle consumes until every published message was delivered. Leases of
// killed consumers end after ten seconds.
func (l *ledger) settle(t *testing.T, address string) {
	topics, subs, err := clients(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer topics.Close()
	defer subs.Close()
	missing := func() (ids []string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for id := range l.published {
			if !l.tried[id] {
				ids = append(ids, id)
			}
		}
		return ids
	}
	for deadline := time.Now().Add(30 * time.Second); len(missing()) > 0 && time.Now().Before(deadline); {
		if l.consumeOnce(t.Context(), subs) == 0 {
			time.Sleep(100 * time.Millisecond) // until a lease ends
		}
	}
	if ids := missing(); len(ids) > 0 {
		t.Errorf("%d of %d published messages were never delivered, first %s", len(ids), len(l.published), ids[0])
	}
	if len(l.again) > 0 {
		t.Errorf("%d messages came again after a confirmed acknowledgement, first %s", len(l.again), l.again[0])
	}
	t.Logf("%d published, %d confirmed", len(l.published), len(l.acked))
}
