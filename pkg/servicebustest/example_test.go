package servicebustest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/pkg/servicebustest"
	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/config"
)

func Example() {
	ctx := context.Background()
	s, err := servicebustest.NewServer(servicebustest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := s.CreateQueue("orders", servicebustest.Settings{}); err != nil {
		log.Fatal(err)
	}
	client, err := azservicebus.NewClientFromConnectionString(s.ConnectionString(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close(ctx)

	sender, err := client.NewSender("orders", nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := sender.SendMessage(ctx, &azservicebus.Message{Body: []byte("one coffee")}, nil); err != nil {
		log.Fatal(err)
	}
	receiver, err := client.NewReceiverForQueue("orders", nil)
	if err != nil {
		log.Fatal(err)
	}
	messages, err := receiver.ReceiveMessages(ctx, 1, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(messages[0].Body))
	if err := receiver.CompleteMessage(ctx, messages[0], nil); err != nil {
		log.Fatal(err)
	}
	// Output: one coffee
}

// A clock that stands still makes time part of the test.
func ExampleServer_Advance() {
	ctx := context.Background()
	s, err := servicebustest.NewServer(servicebustest.Options{FrozenAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := s.CreateQueue("q", servicebustest.Settings{DefaultTTL: time.Hour, DeadLetterOnExpiration: true}); err != nil {
		log.Fatal(err)
	}
	client, err := azservicebus.NewClientFromConnectionString(s.ConnectionString(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close(ctx)
	sender, err := client.NewSender("q", nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := sender.SendMessage(ctx, &azservicebus.Message{Body: []byte("milk")}, nil); err != nil {
		log.Fatal(err)
	}

	s.Advance(time.Hour)

	dead, err := s.Messages("q/$DeadLetterQueue")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(dead[0].Body), dead[0].DeadLetterReason)
	// Output: milk TTLExpiredException
}

// The answer to the first message is lost after it was stored: the client sends
// it again, and the queue knows it already.
func ExampleServer_Inject() {
	ctx := context.Background()
	s, err := servicebustest.NewServer(servicebustest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := s.CreateQueue("q", servicebustest.Settings{DuplicateWindow: time.Minute}); err != nil {
		log.Fatal(err)
	}
	s.Inject(servicebustest.Fault{Entity: "q", Operation: servicebustest.OpSend, Times: 1, LoseAnswer: true})

	client, err := azservicebus.NewClientFromConnectionString(s.ConnectionString(), &azservicebus.ClientOptions{
		RetryOptions: azservicebus.RetryOptions{RetryDelay: time.Millisecond},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close(ctx)
	sender, err := client.NewSender("q", nil)
	if err != nil {
		log.Fatal(err)
	}
	id := "order 1"
	if err := sender.SendMessage(ctx, &azservicebus.Message{MessageID: &id}, nil); err != nil {
		log.Fatal(err)
	}
	messages, err := s.Messages("q")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(messages), "message")
	// Output: 1 message
}

func ExampleServer_CreateSubscription() {
	ctx := context.Background()
	s, err := servicebustest.NewServer(servicebustest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	large := servicebustest.Rule{Name: "large", Filter: servicebustest.Filter{Kind: broker.SQLFilter, SQL: "amount > 100"}}
	err = errors.Join(
		s.CreateTopic("orders", servicebustest.Settings{}),
		s.CreateSubscription("orders", "all", servicebustest.Settings{}),
		s.CreateSubscription("orders", "large", servicebustest.Settings{}, large),
	)
	if err != nil {
		log.Fatal(err)
	}
	client, err := azservicebus.NewClientFromConnectionString(s.ConnectionString(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close(ctx)
	sender, err := client.NewSender("orders", nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, amount := range []int64{50, 500} {
		m := &azservicebus.Message{ApplicationProperties: map[string]any{"amount": amount}}
		if err := sender.SendMessage(ctx, m, nil); err != nil {
			log.Fatal(err)
		}
	}
	for _, name := range []string{"all", "large"} {
		counts, err := s.Counts("orders/Subscriptions/" + name)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(name, counts.Active)
	}
	// Output:
	// all 2
	// large 1
}

// The configuration file of Microsoft's emulator works here too.
func ExampleOptions_config() {
	namespace, err := config.Parse(strings.NewReader(`{
	  "UserConfig": {"Namespaces": [{
	    "Name": "sbemulatorns",
	    "Queues": [{"Name": "orders", "Properties": {"LockDuration": "PT1M"}}] // comments are fine
	  }]}
	}`))
	if err != nil {
		log.Fatal(err)
	}
	s, err := servicebustest.NewServer(servicebustest.Options{Config: namespace})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	counts, err := s.Counts("orders")
	fmt.Println(counts.Active, err)
	// Output: 0 <nil>
}
