//go:build unix

package redis_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/proxytest"
	"github.com/provingground/provingground/loadtest/faults/proxy/redis"
)

// world is a Redis server, a proxy before it, and a client of each.
type world struct {
	proxy           *proxy.Proxy
	through, direct *goredis.Client
}

func setup(t *testing.T) world {
	t.Helper()
	addr := servertest.Start(t, "redis").Get("redis").Addr
	p := proxytest.Start(t, addr, redis.Protocol())
	return world{proxy: p, through: client(t, p.Addr(), 3), direct: client(t, addr, 3)}
}

// client never tries again: a test wants to see what happened.
func client(t *testing.T, addr string, protocol int) *goredis.Client {
	t.Helper()
	c := goredis.NewClient(&goredis.Options{Addr: addr, Protocol: protocol, MaxRetries: -1, ReadTimeout: 20 * time.Second})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (w world) want(t *testing.T, key, want string) {
	t.Helper()
	got, err := w.direct.Get(t.Context(), key).Result()
	if err != nil && err != goredis.Nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("Redis holds %q at %s, want %q", got, key, want)
	}
}

func TestCommandsPassUnchangedInBothProtocols(t *testing.T) {
	w := setup(t)
	for _, protocol := range []int{2, 3} {
		c := client(t, w.proxy.Addr(), protocol)
		large := strings.Repeat("0123456789", 30_000)
		if err := c.Set(t.Context(), "large:1", large, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if got := c.Get(t.Context(), "large:1").Val(); got != large {
			t.Errorf("RESP%d: a value of %d bytes came back with %d", protocol, len(large), len(got))
		}
		if err := c.MSet(t.Context(), "k:1", large, "k:2", large, "k:3", "").Err(); err != nil {
			t.Fatal(err)
		}
		if got := c.MGet(t.Context(), "k:1", "k:2", "k:3", "none").Val(); !slices.Equal(got, []any{large, large, "", nil}) {
			t.Errorf("RESP%d: MGET returned other values", protocol)
		}
		if err := c.HSet(t.Context(), "h:1", "a", "1", "b", "2").Err(); err != nil {
			t.Fatal(err)
		}
		if got := c.HGetAll(t.Context(), "h:1").Val(); got["a"] != "1" || got["b"] != "2" {
			t.Errorf("RESP%d: HGETALL = %v", protocol, got)
		}
		if got := c.Eval(t.Context(), "return {1, {2, 'x'}, redis.call('GET', KEYS[1])}", []string{"k:3"}).Val(); fmt.Sprint(got) != "[1 [2 x] ]" {
			t.Errorf("RESP%d: EVAL = %v", protocol, got)
		}
		if err := c.Do(t.Context(), "NOSUCHCOMMAND").Err(); err == nil || !strings.Contains(err.Error(), "unknown command") {
			t.Errorf("RESP%d: an unknown command ended with %v", protocol, err)
		}
	}
}

func TestLongPipelinesKeepTheirOrder(t *testing.T) {
	w := setup(t)
	pipe := w.through.Pipeline()
	const n = 10_000
	for i := range n {
		pipe.Incr(t.Context(), "counter")
		_ = i
	}
	commands, err := pipe.Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range commands {
		if got := c.(*goredis.IntCmd).Val(); got != int64(i+1) {
			t.Fatalf("answer %d of the pipeline is %d", i+1, got)
		}
	}
	if c := w.proxy.Counts()["INCR counter"]; c != (proxy.Count{Seen: n, Forwarded: n, Answered: n}) {
		t.Errorf("counted %+v", c)
	}
}

func TestAPipelineLosesItsSecondAnswer(t *testing.T) {
	w := setup(t)
	proxytest.Inject(t, w.proxy, proxy.Match{Operation: "SET", Nth: 2}, proxy.LoseAnswer())
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.proxy.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "SET a:1 x\r\nSET b:1 x\r\nSET c:1 x\r\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); string(got) != "+OK\r\n" || err != nil {
		t.Errorf("the client read %q, %v; want the first answer and the end", got, err)
	}
	w.want(t, "a:1", "x")
	w.want(t, "b:1", "x") // executed, though nobody knows
	w.want(t, "c:1", "")  // never forwarded
}

func TestAClientSeesThePipelineFailThatLostAnAnswer(t *testing.T) {
	w := setup(t)
	proxytest.Inject(t, w.proxy, proxy.Match{Operation: "SET b"}, proxy.LoseAnswer())
	pipe := w.through.Pipeline()
	for _, key := range []string{"a:1", "b:1", "c:1"} {
		pipe.Set(t.Context(), key, "x", 0)
	}
	if _, err := pipe.Exec(t.Context()); err == nil {
		t.Error("the pipeline succeeded without its second answer")
	}
	w.want(t, "b:1", "x")
	w.want(t, "c:1", "")
}

func TestAResetCommandIsNotExecuted(t *testing.T) {
	w := setup(t)
	proxytest.Inject(t, w.proxy, proxy.Match{Operation: "INCR", Nth: 2}, proxy.Reset())
	if err := w.through.Incr(t.Context(), "n").Err(); err != nil {
		t.Fatal(err)
	}
	if err := w.through.Incr(t.Context(), "n").Err(); err == nil {
		t.Fatal("the second command succeeded")
	}
	w.want(t, "n", "1")
	if got := w.through.Incr(t.Context(), "n").Val(); got != 2 { // on a new connection
		t.Errorf("the third command returned %d, want 2", got)
	}
}

func TestADuplicatedCommandIsExecutedTwiceAndAnsweredOnce(t *testing.T) {
	w := setup(t)
	proxytest.Inject(t, w.proxy, proxy.Match{Operation: "INCR", Times: 1}, proxy.Duplicate())
	if got := w.through.Incr(t.Context(), "n").Val(); got != 1 {
		t.Errorf("the answer is %d, want the first one: 1", got)
	}
	if got := w.through.Incr(t.Context(), "n").Val(); got != 3 {
		t.Errorf("the next answer is %d, want 3", got)
	}
}

func TestATransactionIsOneOperation(t *testing.T) {
	w := setup(t)
	transaction := func() error {
		pipe := w.through.TxPipeline()
		pipe.Set(t.Context(), "session:42", "x", 0)
		pipe.Incr(t.Context(), "hits")
		_, err := pipe.Exec(t.Context())
		return err
	}
	if err := transaction(); err != nil {
		t.Fatal(err)
	}
	if steps := w.proxy.Recording().Steps(10); len(steps) != 1 || steps[0].Operation != "EXEC SET_session+INCR_hits" {
		t.Errorf("recorded %+v, want one EXEC", steps)
	}
	proxytest.Inject(t, w.proxy, proxy.Match{Operation: "EXEC", Times: 1}, proxy.Reset())
	if err := transaction(); err == nil {
		t.Error("a transaction that was reset succeeded")
	}
	w.want(t, "hits", "1")
	proxytest.Inject(t, w.proxy, proxy.Match{Operation: "EXEC", Times: 1}, proxy.LoseAnswer())
	if err := transaction(); err == nil {
		t.Error("a transaction whose answer is lost succeeded")
	}
	w.want(t, "hits", "2")
}

func TestSubscriptionsPassAndBreakWithTheLink(t *testing.T) {
	w := setup(t)
	for _, protocol := range []int{2, 3} {
		sub := client(t, w.proxy.Addr(), protocol).Subscribe(t.Context(), "news")
		if _, err := sub.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"one", "two"} {
			if err := w.through.Publish(t.Context(), "news", text).Err(); err != nil {
				t.Fatal(err)
			}
			m, err := sub.ReceiveMessage(t.Context())
			if err != nil || m.Payload != text {
				t.Fatalf("RESP%d: received %v, %v, want %q", protocol, m, err, text)
			}
		}
		if err := sub.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestABlockingCommandWaitsForItsAnswer(t *testing.T) {
	w := setup(t)
	popped := make(chan []string, 1)
	go func() { popped <- w.through.BLPop(t.Context(), 0, "queue:1").Val() }()
	await(t, func() bool { return w.proxy.Counts()["BLPOP queue"].Forwarded == 1 })
	if err := w.through.RPush(t.Context(), "queue:1", "job").Err(); err != nil {
		t.Fatal(err)
	}
	if got := <-popped; !slices.Equal(got, []string{"queue:1", "job"}) {
		t.Errorf("BLPOP returned %v", got)
	}
}

func TestACutLinkBreaksOpenAndNewConnections(t *testing.T) {
	w := setup(t)
	if err := w.through.Set(t.Context(), "k", "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
	w.proxy.SetLink(proxy.Link{Down: true})
	for range 3 {
		if err := w.through.Set(t.Context(), "k", "2", 0).Err(); err == nil {
			t.Error("a command passed a link that is down")
		}
	}
	w.proxy.SetLink(proxy.Link{})
	w.want(t, "k", "1")
	if err := w.through.Set(t.Context(), "k", "3", 0).Err(); err != nil {
		t.Errorf("after the link came back: %v", err)
	}
}

func TestASilentLinkHoldsWhatWasSent(t *testing.T) {
	w := setup(t)
	if err := w.through.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	w.proxy.SetLink(proxy.Link{Silent: true})
	var answered atomic.Bool
	done := make(chan error, 1)
	go func() {
		err := w.through.Set(context.WithoutCancel(t.Context()), "k", "1", 0).Err()
		answered.Store(true)
		done <- err
	}()
	await(t, func() bool { return w.proxy.Counts()["SET k"].Seen == 1 })
	w.want(t, "k", "")
	if answered.Load() {
		t.Error("an answer came over a silent link")
	}
	w.proxy.SetLink(proxy.Link{})
	if err := <-done; err != nil {
		t.Error(err)
	}
	w.want(t, "k", "1")
}

// await waits for a condition; the test's own deadline is the bound.
func await(t *testing.T, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-t.Context().Done():
			t.Fatal("the condition never held")
		case <-tick.C:
		}
	}
}
