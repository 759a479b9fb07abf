//go:build unix

package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

const queueEntry = `<entry xmlns="http://www.w3.org/2005/Atom"><content type="application/xml">` +
	`<QueueDescription xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"/></content></entry>`

func TestServiceBusKeepsWhatItAcknowledgedThroughAKill(t *testing.T) {
	r := start(t, clone(t), "servicebus").Get("servicebus")
	create, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+r.Addr+"/orders", strings.NewReader(queueEntry))
	if err != nil {
		t.Fatal(err)
	}
	create.Close = true
	answer, err := http.DefaultClient.Do(create)
	if err != nil {
		t.Fatal(err)
	}
	if _ = answer.Body.Close(); answer.StatusCode != http.StatusCreated {
		t.Fatalf("the queue: %s", answer.Status)
	}
	connection := "Endpoint=sb://" + r.Addr + ";SharedAccessKeyName=any;SharedAccessKey=any;UseDevelopmentEmulator=true"
	client, err := azservicebus.NewClientFromConnectionString(connection, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	sender, err := client.NewSender("orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.SendMessage(t.Context(), &azservicebus.Message{Body: []byte("kept")}, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := r.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	receiver, err := client.NewReceiverForQueue("orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := receiver.ReceiveMessages(t.Context(), 1, nil)
	if err != nil || len(got) != 1 || string(got[0].Body) != "kept" {
		t.Errorf("after the kill: %d messages, %v", len(got), err)
	}
}
