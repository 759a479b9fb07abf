package servicebusproducer_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/pkg/servicebusproducer"
	"github.com/provingground/provingground/pkg/servicebustest"
)

func TestWhatIsSentIsInTheQueueAndABoundIsKept(t *testing.T) {
	s, err := servicebustest.NewServer(servicebustest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.CreateQueue("q", servicebustest.Settings{}); err != nil {
		t.Fatal(err)
	}
	client, err := servicebusproducer.Open(s.ConnectionString())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(context.WithoutCancel(t.Context()))
	q, err := servicebusproducer.New(client, "q", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Send(t.Context(), &azservicebus.Message{Body: []byte("a")}); err != nil {
		t.Error(err)
	}
	if n, err := s.Counts("q"); err != nil || n.Active != 1 {
		t.Errorf("%d messages, %v", n.Active, err)
	}
	full, err := servicebusproducer.New(client, "q", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := full.Send(t.Context(), &azservicebus.Message{}); !errors.Is(err, servicebusproducer.ErrNotAttempted) {
		t.Errorf("beyond the bound: %v", err)
	}
}

func TestABadConnectionStringIsNotQuoted(t *testing.T) {
	const key = "a-secret-key"
	_, err := servicebusproducer.Open("Endpoint=nowhere;SharedAccessKey=" + key)
	if !errors.Is(err, servicebusproducer.ErrConnection) || strings.Contains(err.Error(), key) {
		t.Errorf("%v", err)
	}
}
