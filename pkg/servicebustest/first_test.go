package servicebustest_test

import (
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/pkg/servicebustest"
)

func TestWhatIsSentIsReceivedAndCompletedOnce(t *testing.T) {
	s, err := servicebustest.NewServer(servicebustest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.CreateQueue("q", servicebustest.Settings{}); err != nil {
		t.Fatal(err)
	}
	c, err := azservicebus.NewClientFromConnectionString(s.ConnectionString(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	sender, err := c.NewSender("q", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.SendMessage(t.Context(), &azservicebus.Message{Body: []byte("hello")}, nil); err != nil {
		t.Fatal(err)
	}
	r, err := c.NewReceiverForQueue("q", nil)
	if err != nil {
		t.Fatal(err)
	}
	ms, err := r.ReceiveMessages(t.Context(), 5, nil)
	if err != nil || len(ms) != 1 || string(ms[0].Body) != "hello" {
		t.Fatal(ms, err)
	}
	if err := r.CompleteMessage(t.Context(), ms[0], nil); err != nil {
		t.Fatal(err)
	}
	if n, _ := s.Counts("q"); n.Total() != 0 {
		t.Fatal(n)
	}
}
