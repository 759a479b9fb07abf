package servicebustest_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/pkg/servicebustest"
)

// serveUntilKilled is the process that a test kills.
func serveUntilKilled(dir string) {
	s, err := servicebustest.NewServer(servicebustest.Options{JournalDir: dir})
	if err == nil {
		err = s.CreateQueue("q", servicebustest.Settings{LockDuration: time.Minute, MaxDeliveryCount: 1000})
	}
	if err != nil && !strings.Contains(err.Error(), "already-exists") {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println(s.ConnectionString())
	select {}
}

// ledger is what clients were told about messages, by id.
type ledger struct {
	mu        sync.Mutex
	sent      map[string]bool // acknowledged
	completed map[string]bool // acknowledged
	tried     map[string]bool // a completion was sent, with or without an answer
}

func (l *ledger) note(m map[string]bool, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m[id] = true
}

// TestKillingTheServerLosesNothingAcknowledged kills the process at random
// moments under load and starts it again on the same journal. What a sender was
// told is there is there, and what a receiver was told is gone is gone.
func TestKillingTheServerLosesNothingAcknowledged(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	dir := t.TempDir()
	l := &ledger{sent: map[string]bool{}, completed: map[string]bool{}, tried: map[string]bool{}}
	for round := range rounds {
		untilKilled(t, dir, l, round)
	}
	s, err := servicebustest.NewServer(servicebustest.Options{JournalDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	there := map[string]int{}
	all, err := s.Messages("q")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		there[m.ID]++
	}
	for id := range l.sent {
		if there[id] == 0 && !l.tried[id] {
			t.Errorf("%s was acknowledged and is lost", id)
		}
	}
	for id, n := range there {
		if n > 1 {
			t.Errorf("%s is there %d times", id, n)
		}
		if l.completed[id] {
			t.Errorf("%s was completed and is there", id)
		}
	}
	if len(l.sent) < 10*rounds || len(l.completed) == 0 {
		t.Errorf("only %d were sent and %d completed: nothing was proved", len(l.sent), len(l.completed))
	}
	t.Logf("%d kills, %d messages acknowledged, %d completed, %d there", rounds, len(l.sent), len(l.completed), len(there))
}

// untilKilled loads one life of the server.
func untilKilled(t *testing.T, dir string, l *ledger, round int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), "SERVICEBUSTEST_JOURNAL="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "Endpoint=") {
		t.Fatalf("the server says %q, %v", line, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c, err := azservicebus.NewClientFromConnectionString(strings.TrimSpace(line), noRetries())
	if err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() { sendUntilItFails(ctx, c, l, fmt.Sprintf("%d.%d", round, i)) })
	}
	for range 2 {
		clients.Go(func() { completeUntilItFails(ctx, c, l) })
	}
	time.Sleep(100*time.Millisecond + rand.N(400*time.Millisecond)) // the random moment
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	cancel()
	// Closed before the wait: a send whose connection ends between its frame's way to
	// the writer and the write waits for its link alone, not for its context (go-amqp
	// v1.7.0).
	closing, giveUp := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
	defer giveUp()
	_ = c.Close(closing)
	clients.Wait()
}

func sendUntilItFails(ctx context.Context, c *azservicebus.Client, l *ledger, prefix string) {
	out, err := c.NewSender("q", nil)
	for n := 0; err == nil; n++ {
		id := fmt.Sprintf("%s.%d", prefix, n)
		if err = out.SendMessage(ctx, &azservicebus.Message{MessageID: &id, Body: []byte("x")}, nil); err == nil {
			l.note(l.sent, id)
		}
	}
}

func completeUntilItFails(ctx context.Context, c *azservicebus.Client, l *ledger) {
	in, err := c.NewReceiverForQueue("q", nil)
	for err == nil {
		var got []*azservicebus.ReceivedMessage
		got, err = in.ReceiveMessages(ctx, 10, nil)
		for _, m := range got {
			l.note(l.tried, m.MessageID)
			if err = in.CompleteMessage(ctx, m, nil); err == nil {
				l.note(l.completed, m.MessageID)
			}
		}
	}
}
