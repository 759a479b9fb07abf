package pubsubtest_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/provingground/provingground/pkg/journal"
	"github.com/provingground/provingground/pkg/journal/journaltest"
	"github.com/provingground/provingground/pkg/pubsubtest"
)

func TestARestartKeepsEverything(t *testing.T) {
	folder := journal.Directory(t.TempDir())
	srv, err := pubsubtest.Start(pubsubtest.Options{Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, srv)
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", func(s *pubsubpb.Subscription) { s.EnableMessageOrdering = true })
	publish(t, c, "orders", text(100)...)
	receiveSome(t, c, "mail", 40)
	before, err := srv.Stats(subName("mail"))
	if err != nil || before.Backlog > 60 {
		t.Fatalf("%+v, %v", before, err)
	}
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	srv = pubsubtest.NewServer(t, pubsubtest.Options{Folder: folder})
	after, err := srv.Stats(subName("mail"))
	if err != nil || after.Backlog != before.Backlog {
		t.Errorf("before the restart %+v, after it %+v, %v", before, after, err)
	}
	receive(t, connect(t, srv), "mail", after.Backlog)
}

func receiveSome(t *testing.T, c *pubsub.Client, sub string, n int32) {
	t.Helper()
	request := &pubsubpb.AcknowledgeRequest{Subscription: subName(sub)}
	for _, m := range pull(t, c, sub, n) {
		request.AckIds = append(request.AckIds, m.AckId)
	}
	if err := c.SubscriptionAdminClient.Acknowledge(context.Background(), request); err != nil {
		t.Fatal(err)
	}
}

func TestTheJournalIsBounded(t *testing.T) {
	dir := t.TempDir()
	srv, err := pubsubtest.Start(pubsubtest.Options{Folder: journal.Directory(dir)})
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, srv)
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", nil)
	first := publish(t, c, "orders", text(1)...)
	for range 20 { // 160 MB go through
		publish(t, c, "orders", &pubsub.Message{Data: make([]byte, 8<<20)})
		for _, m := range pull(t, c, "mail", 10) {
			if m.Message.MessageId == first[0] { // stays; the others are acknowledged
				continue
			}
			request := &pubsubpb.AcknowledgeRequest{Subscription: subName("mail"), AckIds: []string{m.AckId}}
			if err := c.SubscriptionAdminClient.Acknowledge(t.Context(), request); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	if bytes := folderSize(t, dir); bytes > 110<<20 {
		t.Errorf("the journal has %d MB after 160 MB were published and acknowledged", bytes>>20)
	}
	srv = pubsubtest.NewServer(t, pubsubtest.Options{Folder: journal.Directory(dir)})
	if found := pulled(t, connect(t, srv), "mail"); !found[first[0]] || len(found) != 1 {
		t.Errorf("after the restart %v, want message %s", found, first[0])
	}
}

func folderSize(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}

// TestAPowerCutLosesNothingThatWasAnswered cuts the power at a random write or
// sync while messages are published, and looks for every acknowledged one on
// what the disk has then.
func TestAPowerCutLosesNothingThatWasAnswered(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 3))
		var mu sync.Mutex
		acked := map[string]bool{}
		var mustHave map[string]bool
		var after *journaltest.Disk
		disk := &journaltest.Disk{}
		operations := 10 + random.IntN(60)
		cut := func() {
			mu.Lock()
			defer mu.Unlock()
			if operations--; operations == 0 {
				mustHave = map[string]bool{}
				for id := range acked {
					mustHave[id] = true
				}
				after = disk.AfterPowerCut(random)
			}
		}
		disk.BeforeSync = func(string) error { cut(); return nil }
		disk.BeforeWrite = func(string, []byte) error { cut(); return nil }
		srv, c := setup(t, pubsubtest.Options{Folder: disk})
		createTopic(t, c, "orders")
		createSub(t, c, "mail", "orders", nil)
		var publishers sync.WaitGroup
		for range 4 {
			publishers.Go(func() {
				for range 25 {
					for _, id := range publish(t, c, "orders", text(1)...) {
						mu.Lock()
						acked[id] = true
						mu.Unlock()
					}
				}
			})
		}
		publishers.Wait()
		if err := srvClosed(srv); err != nil {
			t.Fatal(err)
		}
		if after == nil {
			t.Fatalf("seed %d: the power was never cut", seed)
		}
		restarted := pubsubtest.NewServer(t, pubsubtest.Options{Folder: after})
		if len(mustHave) == 0 {
			continue
		}
		found := pulled(t, connect(t, restarted), "mail")
		for id := range mustHave {
			if !found[id] {
				t.Errorf("seed %d: message %s was acknowledged and is gone", seed, id)
			}
		}
	}
}

// srvClosed flushes what a server has, without closing it: the cleanup does.
func srvClosed(srv *pubsubtest.Server) error {
	_, err := srv.Stats(subName("mail"))
	return err
}

func pulled(t *testing.T, c *pubsub.Client, sub string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for messages := pull(t, c, sub, 1000); len(messages) > 0; messages = pull(t, c, sub, 1000) {
		for _, m := range messages {
			found[m.Message.MessageId] = true
		}
	}
	return found
}

func TestAfterAFailedSyncNothingIsAcknowledged(t *testing.T) {
	var mu sync.Mutex
	failing := false
	disk := &journaltest.Disk{BeforeSync: func(string) error {
		mu.Lock()
		defer mu.Unlock()
		if failing {
			return errors.New("input/output error")
		}
		return nil
	}}
	srv, err := pubsubtest.Start(pubsubtest.Options{Folder: disk})
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, srv)
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", nil)
	set := func(v bool) {
		mu.Lock()
		defer mu.Unlock()
		failing = v
	}
	set(true)
	once := func() error {
		_, err := c.TopicAdminClient.Publish(t.Context(), &pubsubpb.PublishRequest{
			Topic: topicName("orders"), Messages: []*pubsubpb.PubsubMessage{{Data: []byte("x")}},
		}, noRetry()...)
		return err
	}
	if err := once(); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "not durable") {
		t.Errorf("publish while the sync fails: %v", err)
	}
	<-srv.Failed()
	set(false)
	if err := once(); status.Code(err) != codes.Unavailable {
		t.Errorf("publish after the failure: %v, want Unavailable", err)
	}
	if _, err := srv.Stats(subName("mail")); err == nil {
		t.Error("a read was answered from a state that may not be durable")
	}
	if err := srv.Close(); err == nil {
		t.Error("close returned nil after the journal failed")
	}
}

func TestAStreamNeverShowsWhatIsNotOnDisk(t *testing.T) {
	var failing atomic.Bool
	disk := &journaltest.Disk{BeforeSync: func(string) error {
		if failing.Load() {
			return errors.New("input/output error")
		}
		return nil
	}}
	srv, err := pubsubtest.Start(pubsubtest.Options{Folder: disk})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	c := connect(t, srv)
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", nil)
	stream := openStream(t, srv, &pubsubpb.StreamingPullRequest{Subscription: subName("mail"), StreamAckDeadlineSeconds: 10})
	if _, err := stream.Recv(); err != nil { // it is open
		t.Fatal(err)
	}
	failing.Store(true)
	_, err = c.TopicAdminClient.Publish(t.Context(), &pubsubpb.PublishRequest{
		Topic: topicName("orders"), Messages: []*pubsubpb.PubsubMessage{{Data: []byte("x")}},
	}, noRetry()...)
	wantCode(t, "publish", err, codes.Unavailable)
	r, err := stream.Recv()
	if status.Code(err) != codes.Unavailable {
		t.Errorf("the stream shows %v, %v; want Unavailable", r, err)
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	url, requests := endpoint(t)
	before := runtime.NumGoroutine()
	for range 3 {
		srv, err := pubsubtest.Start(pubsubtest.Options{Folder: &journaltest.Disk{}})
		if err != nil {
			t.Fatal(err)
		}
		c, err := pubsub.NewClient(context.Background(), "p", srv.ClientOptions()...)
		if err != nil {
			t.Fatal(err)
		}
		createTopic(t, c, "orders")
		createSub(t, c, "mail", "orders", nil)
		createSub(t, c, "push", "orders", pushTo(url, nil))
		stream, err := c.SubscriptionAdminClient.StreamingPull(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(&pubsubpb.StreamingPullRequest{Subscription: subName("mail"), StreamAckDeadlineSeconds: 10}); err != nil {
			t.Fatal(err)
		}
		publish(t, c, "orders", text(1)...)
		(<-requests).answer <- 500
		if err := srv.Close(); err != nil { // with a stream open and a push waiting
			t.Error(err)
		}
		for err == nil {
			_, err = stream.Recv()
		}
		if status.Code(err) != codes.Unavailable {
			t.Errorf("the stream ended with %v, want Unavailable", err)
		}
		c.Close()
	}
	waitFor(t, func() bool { return runtime.NumGoroutine() <= before })
}
