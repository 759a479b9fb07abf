package servicebustest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/pkg/servicebustest"
	"github.com/provingground/provingground/pkg/servicebustest/access"
)

// start starts a server with the queue q.
func start(t *testing.T, o servicebustest.Options) *servicebustest.Server {
	t.Helper()
	s, err := servicebustest.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.CreateQueue("q", servicebustest.Settings{LockDuration: 30 * time.Second}); err != nil {
		t.Fatal(err)
	}
	return s
}

// noRetries makes the client show every failure.
func noRetries() *azservicebus.ClientOptions {
	return &azservicebus.ClientOptions{RetryOptions: azservicebus.RetryOptions{MaxRetries: -1}}
}

func connect(t *testing.T, s *servicebustest.Server, o *azservicebus.ClientOptions) *azservicebus.Client {
	t.Helper()
	c, err := azservicebus.NewClientFromConnectionString(s.ConnectionString(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	return c
}

func sender(t *testing.T, c *azservicebus.Client) *azservicebus.Sender {
	t.Helper()
	s, err := c.NewSender("q", nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func receiver(t *testing.T, c *azservicebus.Client) *azservicebus.Receiver {
	t.Helper()
	r, err := c.NewReceiverForQueue("q", nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func send(t *testing.T, s *azservicebus.Sender, body string) {
	t.Helper()
	if err := s.SendMessage(t.Context(), &azservicebus.Message{Body: []byte(body)}, nil); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, r *azservicebus.Receiver, body string) *azservicebus.ReceivedMessage {
	t.Helper()
	got, err := r.ReceiveMessages(t.Context(), 1, nil)
	if err != nil || len(got) != 1 || string(got[0].Body) != body {
		t.Fatalf("received %d messages, %v; want %q", len(got), err, body)
	}
	return got[0]
}

func code(t *testing.T, err error) azservicebus.Code {
	t.Helper()
	var e *azservicebus.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v of type %T", err, err)
	}
	return e.Code
}

func TestWhatIsSentIsReceivedAndCompletedOnce(t *testing.T) {
	s := start(t, servicebustest.Options{})
	c := connect(t, s, nil)
	send(t, sender(t, c), "hello")
	r := receiver(t, c)
	if err := r.CompleteMessage(t.Context(), receive(t, r, "hello"), nil); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Counts("q"); err != nil || n.Total() != 0 {
		t.Errorf("counts %+v, %v", n, err)
	}
}

func TestAClockThatStandsStillDecidesAboutLocks(t *testing.T) {
	s := start(t, servicebustest.Options{FrozenAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	c := connect(t, s, noRetries())
	send(t, sender(t, c), "x")
	r := receiver(t, c)
	m := receive(t, r, "x")
	if want := s.Now().Add(30 * time.Second); !m.LockedUntil.Equal(want) {
		t.Errorf("locked until %v, want %v", m.LockedUntil, want)
	}
	s.Advance(30 * time.Second)
	if got := code(t, r.CompleteMessage(t.Context(), m, nil)); got != azservicebus.CodeLockLost {
		t.Errorf("completed after the lock: %s", got)
	}
	if again := receive(t, r, "x"); again.DeliveryCount != 2 {
		t.Errorf("delivery %d", again.DeliveryCount)
	}
}

func TestFaultsHappenWhereTheyWereInjected(t *testing.T) {
	s := start(t, servicebustest.Options{})
	c := connect(t, s, noRetries())
	out, in := sender(t, c), receiver(t, c)
	send(t, out, "1")

	s.Inject(servicebustest.Fault{Entity: "q", Operation: servicebustest.OpSend, Times: 1, Condition: "com.microsoft:server-busy", Description: "later"})
	err := out.SendMessage(t.Context(), &azservicebus.Message{}, nil)
	if err == nil || !strings.Contains(err.Error(), "server-busy") {
		t.Errorf("send: %v", err)
	}
	s.Inject(servicebustest.Fault{Entity: "other", Condition: "amqp:internal-error"})
	send(t, out, "2")

	m := receive(t, in, "1")
	s.Inject(servicebustest.Fault{Operation: servicebustest.OpSettle, Times: 1, Condition: "com.microsoft:message-lock-lost"})
	if got := code(t, in.CompleteMessage(t.Context(), m, nil)); got != azservicebus.CodeLockLost {
		t.Errorf("complete: %s", got)
	}
	remove := s.Inject(servicebustest.Fault{Operation: "renew-lock", Condition: "com.microsoft:timeout"})
	if err := in.RenewMessageLock(t.Context(), m, nil); err == nil {
		t.Error("renewed")
	}
	remove()
	if err := in.RenewMessageLock(t.Context(), m, nil); err != nil {
		t.Error(err)
	}
}

func TestALostAnswerWasCarriedOut(t *testing.T) {
	s := start(t, servicebustest.Options{})
	out := sender(t, connect(t, s, noRetries()))
	send(t, out, "1")
	s.Inject(servicebustest.Fault{Operation: servicebustest.OpSend, Times: 1, LoseAnswer: true})
	if err := out.SendMessage(t.Context(), &azservicebus.Message{Body: []byte("2")}, nil); err == nil {
		t.Error("the answer was not lost")
	}
	s.Inject(servicebustest.Fault{Operation: servicebustest.OpSend, Times: 1, Disconnect: true})
	if err := out.SendMessage(t.Context(), &azservicebus.Message{Body: []byte("3")}, nil); err == nil {
		t.Error("the connection was not cut")
	}
	if all, err := s.Messages("q"); err != nil || len(all) != 2 || string(all[1].Body) != "2" {
		t.Errorf("messages %+v, %v", all, err)
	}
}

func TestClientsRecoverFromEveryScopeOfFailure(t *testing.T) {
	s := start(t, servicebustest.Options{})
	c := connect(t, s, &azservicebus.ClientOptions{RetryOptions: azservicebus.RetryOptions{RetryDelay: time.Millisecond}})
	out, in := sender(t, c), receiver(t, c)
	for _, f := range []servicebustest.Fault{
		{Operation: servicebustest.OpSend, Condition: "com.microsoft:server-busy"},
		{Operation: servicebustest.OpSend, Condition: "amqp:link:detach-forced", Scope: servicebustest.FailLink},
		{Operation: servicebustest.OpSend, Condition: "amqp:connection:forced", Scope: servicebustest.FailConnection},
		{Operation: servicebustest.OpSend, Disconnect: true},
		{Operation: servicebustest.OpSend, Delay: 20 * time.Millisecond},
		{Operation: servicebustest.OpAttach, Condition: "com.microsoft:timeout"},
		{Operation: servicebustest.OpReceive, Delay: 20 * time.Millisecond},
		{Operation: servicebustest.OpReceive, Condition: "amqp:link:detach-forced", Scope: servicebustest.FailLink},
		{Operation: servicebustest.OpReceive, Disconnect: true},
	} {
		f.Times = 1
		s.Inject(f)
		send(t, out, f.Condition)
		if err := in.CompleteMessage(t.Context(), receiveAgain(t, in, f.Condition), nil); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
	}
	s.Disconnect()
	send(t, out, "after")
	receiveAgain(t, in, "after")
}

// receiveAgain receives until there is a message: a client whose connection
// broke returns none, and no error.
func receiveAgain(t *testing.T, r *azservicebus.Receiver, body string) *azservicebus.ReceivedMessage {
	t.Helper()
	for {
		got, err := r.ReceiveMessages(t.Context(), 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			continue
		}
		if string(got[0].Body) != body {
			t.Fatalf("received %q, want %q", got[0].Body, body)
		}
		return got[0]
	}
}

func TestEventsTellTheLifeOfAMessageInOrder(t *testing.T) {
	var mu sync.Mutex
	var kinds []string
	seen := make(chan struct{}, 100)
	s := start(t, servicebustest.Options{OnEvent: func(e servicebustest.Event) {
		mu.Lock()
		defer mu.Unlock()
		kinds = append(kinds, string(e.Kind))
		seen <- struct{}{}
	}})
	c := connect(t, s, nil)
	send(t, sender(t, c), "x")
	r := receiver(t, c)
	if err := r.AbandonMessage(t.Context(), receive(t, r, "x"), nil); err != nil {
		t.Fatal(err)
	}
	if err := r.DeadLetterMessage(t.Context(), receive(t, r, "x"), nil); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		<-seen
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(kinds, ", "); got != "sent, received, abandoned, received, dead-lettered" {
		t.Errorf("events %s", got)
	}
}

func TestTestsCanLookAtMessages(t *testing.T) {
	s := start(t, servicebustest.Options{})
	id, session, subject := "id", "session", "subject"
	err := sender(t, connect(t, s, nil)).SendMessage(t.Context(), &azservicebus.Message{
		MessageID: &id, SessionID: &session, Subject: &subject, Body: []byte("body"), ApplicationProperties: map[string]any{"k": int64(1)},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Messages("q")
	if err != nil || len(all) != 1 {
		t.Fatalf("%d messages, %v", len(all), err)
	}
	m := all[0]
	if m.ID != id || m.SessionID != session || m.Subject != subject || string(m.Body) != "body" || m.Properties["k"] != int64(1) ||
		m.SequenceNumber != 1 || m.State != "active" || m.Enqueued.IsZero() {
		t.Errorf("message %+v", m)
	}
	if _, err := s.Messages("absent"); err == nil {
		t.Error("an entity that is not there has messages")
	}
}

func TestKeysGiveTheirRightsOnly(t *testing.T) {
	keys := []servicebustest.Key{
		{Name: "all", Secret: "a", Rights: access.Manage},
		{Name: "send", Secret: "s", Rights: access.Send},
	}
	s := start(t, servicebustest.Options{Keys: keys})
	for _, c := range []struct {
		key          servicebustest.Key
		sends, reads bool
	}{
		{keys[0], true, true},
		{keys[1], true, false},
		{servicebustest.Key{Name: "send", Secret: "wrong"}, false, false},
		{servicebustest.Key{Name: "none", Secret: "s"}, false, false},
	} {
		client, err := azservicebus.NewClientFromConnectionString(s.ConnectionStringFor(c.key), noRetries())
		if err != nil {
			t.Fatal(err)
		}
		err = sender(t, client).SendMessage(t.Context(), &azservicebus.Message{}, nil)
		if (err == nil) != c.sends || err != nil && code(t, err) != azservicebus.CodeUnauthorizedAccess {
			t.Errorf("%s sends: %v", c.key.Name, err)
		}
		_, err = receiver(t, client).PeekMessages(t.Context(), 1, nil)
		if (err == nil) != c.reads || err != nil && code(t, err) != azservicebus.CodeUnauthorizedAccess {
			t.Errorf("%s reads: %v", c.key.Name, err)
		}
		_ = client.Close(t.Context())
	}
}

func TestAMissingEntityIsKnownWhereTheOptionSays(t *testing.T) {
	for _, atAttach := range []bool{false, true} {
		s := start(t, servicebustest.Options{NotFoundAtAttach: atAttach})
		out, err := connect(t, s, noRetries()).NewSender("absent", nil)
		if err != nil {
			t.Fatal(err)
		}
		err = out.SendMessage(t.Context(), &azservicebus.Message{}, nil)
		var e *azservicebus.Error
		if typed := errors.As(err, &e) && e.Code == azservicebus.CodeNotFound; err == nil || typed == atAttach {
			t.Errorf("at attach %t: %v", atAttach, err)
		}
	}
}

func TestConnectionsAreBoundedAndComeBack(t *testing.T) {
	s := start(t, servicebustest.Options{MaxConnections: 10})
	var open []net.Conn
	for range 50 {
		c, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	closed := 0
	for _, c := range open[10:] { // those beyond the limit are closed at once
		if _, err := c.Read(make([]byte, 1)); errors.Is(err, io.EOF) || isReset(err) {
			closed++
		}
	}
	if closed != 40 {
		t.Errorf("%d of 40 connections beyond the limit were closed", closed)
	}
	for _, c := range open {
		_ = c.Close()
	}
	for s.Connections() > 0 {
		runtime.Gosched()
	}
	send(t, sender(t, connect(t, s, nil)), "x")
}

func isReset(err error) bool {
	var e *net.OpError
	return errors.As(err, &e) && !e.Timeout()
}

func TestNothingIsLeftAfterClose(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		s, err := servicebustest.NewServer(servicebustest.Options{JournalDir: t.TempDir(), OnEvent: func(servicebustest.Event) {}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CreateQueue("q", servicebustest.Settings{}); err != nil {
			t.Fatal(err)
		}
		c, err := azservicebus.NewClientFromConnectionString(s.ConnectionString(), nil)
		if err != nil {
			t.Fatal(err)
		}
		send(t, sender(t, c), "x")
		receive(t, receiver(t, c), "x")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("closed again: %v", err)
		}
		_ = c.Close(t.Context())
	}
	http.DefaultClient.CloseIdleConnections()
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if after := runtime.NumGoroutine(); after > before {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines before, %d after:\n%s", before, after, stacks[:runtime.Stack(stacks, true)])
	}
}

func TestAJournalKeepsEverythingOverARestart(t *testing.T) {
	dir := t.TempDir()
	first, err := servicebustest.NewServer(servicebustest.Options{JournalDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.CreateQueue("q", servicebustest.Settings{MaxDeliveryCount: 7}); err != nil {
		t.Fatal(err)
	}
	send(t, sender(t, connect(t, first, nil)), "kept")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := servicebustest.NewServer(servicebustest.Options{JournalDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	receive(t, receiver(t, connect(t, second, nil)), "kept")
}

func TestAJournalHasOneServer(t *testing.T) {
	dir := t.TempDir()
	start(t, servicebustest.Options{JournalDir: dir})
	if s, err := servicebustest.NewServer(servicebustest.Options{JournalDir: dir}); err == nil {
		_ = s.Close()
		t.Error("two servers have one journal")
	}
}

func TestAPortThatIsTakenIsAnError(t *testing.T) {
	s := start(t, servicebustest.Options{})
	if other, err := servicebustest.NewServer(servicebustest.Options{Addr: s.Addr()}); err == nil {
		_ = other.Close()
		t.Error("two servers have one port")
	}
}

func TestBothPortsAnswerHTTP(t *testing.T) {
	s := start(t, servicebustest.Options{})
	for _, addr := range []string{s.AdminAddr(), s.Addr()} {
		for path, want := range map[string]int{"/health": 200, "/q": 200, "/$servicebus/websocket": 501} {
			answer, err := http.Get("http://" + addr + path)
			if err != nil {
				t.Fatal(err)
			}
			if _ = answer.Body.Close(); answer.StatusCode != want {
				t.Errorf("%s%s: %d, want %d", addr, path, answer.StatusCode, want)
			}
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestAConnectionThatSaysNothingDoesNotHoldUpClose(t *testing.T) {
	s := start(t, servicebustest.Options{})
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for s.Connections() == 0 {
		runtime.Gosched()
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is open")
	}
}

func TestMain(m *testing.M) {
	if dir := os.Getenv("SERVICEBUSTEST_JOURNAL"); dir != "" {
		serveUntilKilled(dir)
	}
	os.Exit(m.Run())
}
