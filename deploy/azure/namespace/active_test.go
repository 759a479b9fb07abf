package namespace_test

import (
	"context"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/deploy/azure/namespace"
	"github.com/provingground/provingground/pkg/servicebustest"
)

func TestActiveMessagesAreThoseThatWaitAndThoseThatAreLocked(t *testing.T) {
	s, err := servicebustest.NewServer(servicebustest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.CreateQueue("q", servicebustest.Settings{}); err != nil {
		t.Fatal(err)
	}
	client, err := azservicebus.NewClientFromConnectionString(s.ConnectionString(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(context.WithoutCancel(t.Context()))
	sender, err := client.NewSender("q", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"is-dead", "is-locked", "waits"} {
		if err := sender.SendMessage(t.Context(), &azservicebus.Message{MessageID: to.Ptr(id)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	receiver, err := client.NewReceiverForQueue("q", nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, err := receiver.ReceiveMessages(t.Context(), 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got[0].MessageID != "is-dead" {
			continue // stays locked
		}
		if err := receiver.DeadLetterMessage(t.Context(), got[0], nil); err != nil {
			t.Fatal(err)
		}
	}
	admin := "http://" + s.AdminAddr()
	if n, err := namespace.Active(t.Context(), s.ConnectionString(), admin, "q"); n != 2 || err != nil {
		t.Errorf("%d, %v; want the one that waits and the one that is locked", n, err)
	}
	if _, err := namespace.Active(t.Context(), s.ConnectionString(), admin, "no-such-queue"); err == nil {
		t.Error("a queue that is not there has a backlog")
	}
}
