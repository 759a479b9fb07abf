package http1_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/http1"
)

func TestAClientDialsAgainAfterTheServerClosed(t *testing.T) {
	c := &http1.Client{Addr: script(t, "HTTP/1.1 204 Bye\r\nConnection: close\r\n\r\n")}
	var resp http1.Response
	for range 3 {
		if err := c.Do(t.Context(), get, &resp); err != nil || resp.Status != 204 {
			t.Fatalf("got %d, %v", resp.Status, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

func TestAnErrorIsReportedAndTheNextCallDialsAgain(t *testing.T) {
	c := &http1.Client{Addr: script(t, "HTTP/1.1 204 Fine\r\n\r\n")}
	defer c.Close()
	var resp http1.Response
	for range 2 {
		if err := c.Do(t.Context(), get, &resp); err != nil {
			t.Fatal(err)
		}
		wantKind(t, c.Do(t.Context(), get, &resp), http1.NoAnswer)
	}
}

func TestAConnectionThatWaitedTooLongIsReplaced(t *testing.T) {
	c := &http1.Client{Addr: script(t, "HTTP/1.1 204 Fine\r\n\r\n"), Idle: time.Nanosecond}
	defer c.Close()
	var resp http1.Response
	for range 3 { // the server answers once on each connection, and closes it
		if err := c.Do(t.Context(), get, &resp); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheEndOfTheContextEndsARequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	addr := serve(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1)) // the request is there
		cancel()
		_, _ = c.Read(make([]byte, 1024))
		_, _ = c.Read(make([]byte, 1)) // until the client closes
	})
	c := &http1.Client{Addr: addr}
	var resp http1.Response
	wantKind(t, c.Do(ctx, get, &resp), http1.Closed)
	wantKind(t, c.Do(ctx, get, &resp), http1.Unreachable)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
