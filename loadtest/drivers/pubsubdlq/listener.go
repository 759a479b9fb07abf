package pubsubdlq

import (
	"context"
	"fmt"
	"sync"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

const (
	judgeSubscription = "pubsubdlq-judge"
	deadTopic         = "pubsubdlq-dead"
	deadSubscription  = "pubsubdlq-dead"
)

// listener counts what the dead-letter topic delivers, by event.
type listener struct {
	d *Driver

	mu  sync.Mutex
	got map[string]int
}

func newListener(d *Driver) *listener { return &listener{d: d, got: map[string]int{}} }

// client returns one of the server itself: what judges is never broken.
func (d *Driver) client(ctx context.Context) (*pubsub.Client, error) {
	env := d.setup.Env()
	return pubsub.NewClient(ctx, env["GOOGLE_CLOUD_PROJECT"],
		option.WithEndpoint(env["PUBSUB_EMULATOR_HOST"]), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
}

// subscribe makes the judge's own subscription.
func (l *listener) subscribe(ctx context.Context) error {
	client, err := l.d.client(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	return makeSubscription(ctx, client, judgeSubscription)
}

func makeSubscription(ctx context.Context, client *pubsub.Client, name string) error {
	project := "projects/" + client.Project()
	_, err := client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: project + "/subscriptions/" + name, Topic: project + "/topics/" + deadTopic, AckDeadlineSeconds: 30,
	})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return fmt.Errorf("subscription %s: %w", name, err)
	}
	return nil
}

func dropSubscription(ctx context.Context, client *pubsub.Client, name string) error {
	err := client.SubscriptionAdminClient.DeleteSubscription(ctx, &pubsubpb.DeleteSubscriptionRequest{
		Subscription: "projects/" + client.Project() + "/subscriptions/" + name,
	})
	if err != nil && status.Code(err) != codes.NotFound {
		return fmt.Errorf("subscription %s: %w", name, err)
	}
	return nil
}

// listen counts until ctx ends. A server that is away is waited for by the client.
func (l *listener) listen(ctx context.Context) {
	client, err := l.d.client(ctx)
	if err != nil {
		return // what it did not hear fails the run
	}
	defer client.Close()
	for ctx.Err() == nil {
		err := client.Subscriber(judgeSubscription).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
			l.mu.Lock()
			l.got[m.Attributes["ce-id"]]++
			l.mu.Unlock()
			m.Ack()
		})
		if err != nil {
			sleep(ctx, eventPause)
		}
	}
}

// heard returns how often each event was delivered.
func (l *listener) heard() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[string]int, len(l.got))
	for id, n := range l.got {
		all[id] = n
	}
	return all
}
