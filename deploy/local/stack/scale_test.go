//go:build unix

package stack_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/scenarios"
)

const scaledQueue = "orderprocessor-orders"

// scaled is two processes, and up to two more while messages wait in a queue.
func scaled(t *testing.T, out io.Writer) *stack.Stack {
	t.Helper()
	sc := scenario("servicebus")
	sc.Template = "azure/orderprocessor-entities.json"
	sc.Roles[0].Scale = &scenarios.Scale{Queue: scaledQueue, Messages: 2, Max: 4, Polling: 50 * time.Millisecond, Cooldown: 200 * time.Millisecond}
	o := options(t, sc)
	o.Out = out
	return start(t, o)
}

// heard is closed when a text was said.
type heard struct {
	io.Writer
	text string
	said func()
}

func hear(out io.Writer, text string) (heard, <-chan struct{}) {
	said := make(chan struct{})
	return heard{out, text, sync.OnceFunc(func() { close(said) })}, said
}

func (h heard) Write(p []byte) (int, error) {
	if strings.Contains(string(p), h.text) {
		h.said()
	}
	return h.Writer.Write(p)
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

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within 30 s", what)
		case <-tick.C:
		}
	}
}

// awaitProcesses waits until the rule has made it so many.
func awaitProcesses(t *testing.T, s *stack.Stack, want int) {
	t.Helper()
	await(t, fmt.Sprintf("%d processes", want), func() bool {
		looks := s.Scalings("echo")
		return len(looks) > 0 && looks[len(looks)-1].Processes == want
	})
}

func TestProcessesFollowTheBacklogOfTheirQueue(t *testing.T) {
	s := scaled(t, t.Output())
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
	s := scaled(t, t.Output())
	fill(t, queueClient(t, s), 5)
	awaitProcesses(t, s, 3)
	third := s.Instances[2]
	died := third.Process()
	if err := died.Kill(); err != nil {
		t.Fatal(err)
	}
	await(t, "started again", func() bool { return third.Process() != died })
	awaitProcesses(t, s, 3)
	if err := s.Close(t.Context()); err == nil {
		t.Error("nobody is told that a process ended by itself")
	}
}

func TestWhileTheQueueCannotBeAskedTheNumberOfProcessesStays(t *testing.T) {
	out, blind := hear(t.Output(), "cannot be asked")
	s := scaled(t, out)
	fill(t, queueClient(t, s), 5)
	awaitProcesses(t, s, 3)
	third := s.Instances[2].Process()
	broker := s.Servers.Get("servicebus")
	if err := broker.Kill(); err != nil {
		t.Fatal(err)
	}
	<-blind
	if err := broker.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := len(s.Scalings("echo"))
	await(t, "another look", func() bool { return len(s.Scalings("echo")) > before })
	awaitProcesses(t, s, 3) // the broker has kept the messages
	if s.Instances[2].Process() != third || s.Instances[2].PID() == 0 {
		t.Error("the third process was ended, or replaced")
	}
}
