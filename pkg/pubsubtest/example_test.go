package pubsubtest_test

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"

	"github.com/provingground/provingground/pkg/pubsubtest"
)

// A test starts a server with pubsubtest.NewServer(t, pubsubtest.Options{});
// a program does it so.
func Example() {
	srv, err := pubsubtest.Start(pubsubtest.Options{})
	if err != nil {
		panic(err)
	}
	defer srv.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client, err := pubsub.NewClient(ctx, "p", srv.ClientOptions()...)
	if err != nil {
		panic(err)
	}
	defer client.Close()
	must(client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: "projects/p/topics/orders"}))
	must(client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: "projects/p/subscriptions/mail", Topic: "projects/p/topics/orders",
	}))
	must(client.Publisher("orders").Publish(ctx, &pubsub.Message{Data: []byte("two books")}).Get(ctx))

	err = client.Subscriber("mail").Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		fmt.Printf("%s\n", m.Data)
		m.Ack()
		cancel()
	})
	fmt.Println(err)
	// Output:
	// two books
	// <nil>
}

// A call is executed and its answer lost: the client publishes again, and the
// subscriber gets the message twice.
func ExampleServer_Inject() {
	srv, err := pubsubtest.Start(pubsubtest.Options{})
	if err != nil {
		panic(err)
	}
	defer srv.Close()
	remove := srv.Inject(pubsubtest.Fault{Method: "Publish", Code: codes.Unavailable, After: true, Times: 1})
	defer remove()
}

// A subscription's deadlines and back-offs pass when the test says so.
func ExampleManualClock() {
	clock := pubsubtest.NewManualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	srv, err := pubsubtest.Start(pubsubtest.Options{Clock: clock})
	if err != nil {
		panic(err)
	}
	defer srv.Close()
	clock.Advance(10 * time.Minute)
}

func must[T any](_ T, err error) {
	if err != nil {
		panic(err)
	}
}
