//go:build unix

package stack_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/scenarios"
)

const scaledQueue = "orderprocessor-orders"

// scaled is two processes, and up to two more while messages wait in a queue.
func scaled(t *testing.T) *stack.Stack {
	t.Helper()
	sc := scenario("servicebus")
	sc.Template = "azure/orderprocessor-entities.json"
	sc.Roles[0].Scale = &scenarios.Scale{Queue: scaledQueue, Messages: 2, Max: 4, Polling: 50 * time.Millisecond, Cooldown: 200 * time.Millisecond}
	return start(t, options(t, sc))
}

func queueClient(t *testing.T, s *stack.Stack) *azservicebus.Client {
	t.Helper()
	client, err := azservicebus.NewClientFromConnectionString(s.Env["SERVICEBUS_CONNECTION_STRING"], nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.WithoutCancel(t.Context())) })
	return client
}

func fill(t *testing.T, client *azservicebus.Client, n int) {
	t.Helper()
	sender, err := client.NewSender(scaledQueue, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close(t.Context())
	for range n {
		if err := sender.SendMessage(t.Context(), &azservicebus.Message{SessionID: to.Ptr("s")}, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func drain(t *testing.T, client *azservicebus.Client, n int) {
	t.Helper()
	session, err := client.AcceptSessionForQueue(t.Context(), scaledQueue, "s", &azservicebus.SessionReceiverOptions{ReceiveMode: azservicebus.ReceiveModeReceiveAndDelete})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close(context.WithoutCancel(t.Context()))
	for n > 0 {
		got, err := session.ReceiveMessages(t.Context(), n, nil)
		if err != nil {
			t.Fatal(err)
		}
		n -= len(got)
	}
}

// awaitProcesses waits until the rule has made it so many.
func awaitProcesses(t *testing.T, s *stack.Stack, want int) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		looks := s.Scalings("echo")
		if len(looks) > 0 && looks[len(looks)-1].Processes == want {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("not %d processes within 30 s; the last looks: %v", want, looks[max(0, len(looks)-5):])
		case <-tick.C:
		}
	}
}

func TestProcessesFollowTheBacklogOfTheirQueue(t *testing.T) {
	s := scaled(t)
	client := queueClient(t, s)
	awaitProcesses(t, s, 2)
	fill(t, client, 5)
	awaitProcesses(t, s, 3)
	third, fourth := s.Instances[2], s.Instances[3]
	if got := statusOf(t, third, "/env"); got != http.StatusOK || !third.Spare {
		t.Errorf("the third process answers %d", got)
	}
	if fourth.PID() != 0 {
		t.Error("a fourth process runs for five messages, two for each")
	}
	fill(t, client, 100)
	awaitProcesses(t, s, 4)
	drain(t, client, 105)
	awaitProcesses(t, s, 2)
	select {
	case <-third.Process().Done():
	default:
		t.Error("the third process runs and is not counted")
	}
}

func TestASpareProcessThatDiesComesAgainAndIsReported(t *testing.T) {
	s := scaled(t)
	fill(t, queueClient(t, s), 5)
	awaitProcesses(t, s, 3)
	third := s.Instances[2]
	died := third.Process()
	if err := died.Kill(); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for third.Process() == died {
		select {
		case <-deadline:
			t.Fatal("the process is not started again within 30 s")
		case <-tick.C:
		}
	}
	awaitProcesses(t, s, 3)
	if err := s.Close(t.Context()); err == nil {
		t.Error("nobody is told that a process ended by itself")
	}
}
