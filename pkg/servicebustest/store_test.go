package servicebustest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/pkg/journal/journaltest"
)

func open(t *testing.T, o Options) (*Server, *azservicebus.Sender, *azservicebus.Receiver) {
	t.Helper()
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.CreateQueue("q", Settings{}); err != nil {
		t.Fatal(err)
	}
	c, err := azservicebus.NewClientFromConnectionString(s.ConnectionString(), &azservicebus.ClientOptions{
		RetryOptions: azservicebus.RetryOptions{MaxRetries: -1},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	out, err := c.NewSender("q", nil)
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.NewReceiverForQueue("q", nil)
	if err != nil {
		t.Fatal(err)
	}
	return s, out, in
}

func TestNothingIsAcknowledgedAfterTheDiskHasFailed(t *testing.T) {
	disk := &journaltest.Disk{}
	s, out, _ := open(t, Options{folder: disk})
	if err := out.SendMessage(t.Context(), &azservicebus.Message{}, nil); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("disk full")
	disk.BeforeSync = func(string) error { return failure }
	for range 3 {
		if err := out.SendMessage(t.Context(), &azservicebus.Message{}, nil); err == nil {
			t.Error("a message was acknowledged")
		}
	}
	<-s.Failed()
	if !errors.Is(s.Err(), failure) {
		t.Errorf("error %v", s.Err())
	}
	if err := s.CreateQueue("r", Settings{}); err == nil {
		t.Error("a queue was confirmed")
	}
}

func TestTheJournalIsBounded(t *testing.T) {
	dir := t.TempDir()
	s, out, in := open(t, Options{JournalDir: dir})
	body := bytes.Repeat([]byte("x"), 240_000)
	for i := range 500 { // 120 MB, of which the last message stays
		if err := out.SendMessage(t.Context(), &azservicebus.Message{Body: body}, nil); err != nil {
			t.Fatal(err)
		}
		if i == 499 {
			break
		}
		got, err := in.ReceiveMessages(t.Context(), 1, nil)
		if err != nil || len(got) != 1 {
			t.Fatalf("%d messages, %v", len(got), err)
		}
		if err := in.CompleteMessage(t.Context(), got[0], nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if size := folderSize(t, dir); size > 100<<20 {
		t.Errorf("the journal has %d bytes for one message", size)
	}
	again, err := NewServer(Options{JournalDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if all, err := again.Messages("q"); err != nil || len(all) != 1 || len(all[0].Body) != len(body) || all[0].SequenceNumber != 500 {
		t.Errorf("%d messages, %v", len(all), err)
	}
}

func folderSize(t *testing.T, dir string) (size int64) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	return size
}
