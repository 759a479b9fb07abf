//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestPackageEdgeInWorkerd runs one workerd; what ends it comes last.
func TestPackageEdgeInWorkerd(t *testing.T) {
	w := start(t)
	for _, tt := range []struct {
		name string
		test func(t *testing.T, w *runtime)
	}{
		{"requests arrive as they were sent", requestsArrive},
		{"small and large bodies", bodies},
		{"streams", streams},
		{"environment and log", environmentAndLog},
		{"services", services},
		{"panics", panics},
		{"a mutex held across waits", mutex},
		{"a client leaves in mid-stream", clientLeaves},
		{"a timer rings after its request has ended", timer},
		{"work after the answer", afterTheAnswer},
		{"queues", queues},
		{"the schedule", schedule},
		{"an object counts alone", objectCounts},
		{"an object's database", objectDatabase},
		{"an object blocks among others", blockedAmongOthers},
		{"an alarm is tried again", alarm},
		{"an object that cannot be made", brokenObject},
		{"a hundred objects", manyObjectsAtOnce},
		{"sockets", sockets},
		{"sockets outlive the object", hibernation},
		{"an object is ended", aborted},
		{"a panic in a goroutine", lostProgram},
		{"a killed runtime", killed},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, w) })
	}
}

func requestsArrive(t *testing.T, w *runtime) {
	resp, text := w.ask(t, "PUT", w.url+"/echo?q=%20a+b", strings.NewReader("ümläut"))
	got := decode[struct {
		Method, URI, Body string
		Length            int
		Header            http.Header
	}](t, text)
	if got.Method != "PUT" || got.URI != "/echo?q=%20a+b" || got.Body != "ümläut" || got.Length != 8 || got.Header.Get("Two") != "of two" {
		t.Errorf("the handler got %s", text)
	}
	if cookies := resp.Header.Values("Set-Cookie"); len(cookies) != 2 {
		t.Errorf("cookies %q, want two", cookies)
	}
	if status, _ := w.do(t, "GET", "/nowhere", ""); status != http.StatusNotFound {
		t.Errorf("status %d of a path that is not there", status)
	}
}

// bodies come with their request up to a size, and are a stream beyond.
func bodies(t *testing.T, w *runtime) {
	for _, size := range []int{0, 1, 65_536, 65_537} {
		body := bytes.Repeat([]byte("x"), size)
		sum := sha256.Sum256(body)
		if _, got := w.ask(t, "POST", w.url+"/digest", bytes.NewReader(body)); !strings.Contains(got, hex.EncodeToString(sum[:])) {
			t.Errorf("Go read %s of a body of %d bytes", got, size)
		}
		w.want(t, "PUT", "/room/bodies/echo", string(body), `"`+string(body)+`"`)
		for _, put := range []string{"", "?through=go"} {
			if resp, text := w.ask(t, "PUT", w.url+"/object/body"+put, bytes.NewReader(body)); resp.StatusCode != http.StatusOK {
				t.Errorf("put%s of %d bytes: %s", put, size, text)
			}
			if _, got := w.ask(t, "GET", w.url+"/object/body", nil); got != string(body) {
				t.Errorf("put%s of %d bytes and got %d", put, size, len(got))
			}
		}
	}
	// One of which a part comes, and then nothing.
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "PUT /room/bodies/echo HTTP/1.1\r\nHost: edge\r\nContent-Length: 100\r\n\r\nthe beginning"); err != nil {
		t.Fatal(err)
	}
	w.want(t, "PUT", "/room/bodies/echo", "meanwhile", `"meanwhile"`)
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	w.want(t, "PUT", "/room/bodies/echo", "afterwards", `"afterwards"`)
}

func streams(t *testing.T, w *runtime) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 200_000) // 3.2 MB
	sum := sha256.Sum256(big)
	if _, got := w.ask(t, "POST", w.url+"/digest", bytes.NewReader(big)); !strings.Contains(got, hex.EncodeToString(sum[:])) {
		t.Errorf("Go read %s of the body", got)
	}
	if _, got := w.ask(t, "GET", w.url+"/stream?n=40", nil); len(got) != 40*64<<10 || got[len(got)-1] != 39 {
		t.Errorf("%d bytes streamed, want %d", len(got), 40*64<<10)
	}
	for _, put := range []string{"", "?through=go"} {
		if resp, text := w.ask(t, "PUT", w.url+"/object/big"+put, bytes.NewReader(big)); resp.StatusCode != http.StatusOK {
			t.Fatalf("put%s: %s", put, text)
		}
		for _, get := range []string{"", "?through=go"} {
			if _, got := w.ask(t, "GET", w.url+"/object/big"+get, nil); sha256.Sum256([]byte(got)) != sum {
				t.Errorf("put%s and got%s: %d other bytes", put, get, len(got))
			}
		}
	}
}

func environmentAndLog(t *testing.T, w *runtime) {
	w.want(t, "GET", "/env", "", `["blue","secret",""]`)
	w.do(t, "GET", "/log", "")
	await(t, "the log line is written", func() bool { return w.logged(t, `"level":"WARN","msg":"said in Go","answer":42}`) })
}

func services(t *testing.T, w *runtime) {
	for name := range checks() {
		t.Run(name, func(t *testing.T) { w.want(t, "GET", "/check/"+name, "", `"ok"`) })
	}
}

func panics(t *testing.T, w *runtime) {
	if status, text := w.do(t, "GET", "/panic", ""); status != http.StatusInternalServerError || strings.Contains(text, "on purpose") {
		t.Errorf("a panic is answered with %d %s", status, text)
	}
	await(t, "the panic is logged", func() bool { return w.logged(t, "panic: on purpose") })
	resp, err := http.Get(w.url + "/panic/late")
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("an answer that was broken off looks complete")
	}
	if status, _ := w.do(t, "GET", "/room/panics/panic", ""); status != http.StatusInternalServerError {
		t.Errorf("a panic in an object is answered with %d", status)
	}
	w.want(t, "POST", "/room/panics/add", "", "1")
}

func mutex(t *testing.T, w *runtime) {
	_, before := w.do(t, "GET", "/locked", "")
	inParallel(40, func() { w.do(t, "GET", "/locked", "") })
	w.want(t, "GET", "/locked", "", fmt.Sprint(decode[int](t, before)+41))
}

func inParallel(n int, f func()) {
	var all sync.WaitGroup
	for range n {
		all.Go(f)
	}
	all.Wait()
}

// clientLeaves goes away while the handler streams with the lock held.
func clientLeaves(t *testing.T, w *runtime) {
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", w.url+"/endless", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 256<<10)); err != nil {
		t.Fatal(err)
	}
	leave()
	resp.Body.Close()
	if status, text := w.do(t, "GET", "/locked", ""); status != http.StatusOK {
		t.Errorf("the lock: %d %s", status, text)
	}
	if _, left := w.do(t, "GET", "/left", ""); strings.Contains(left, "it streams") {
		t.Errorf("the handler says %s", left)
	}
}

func timer(t *testing.T, w *runtime) {
	got := make(chan string)
	go func() {
		_, text := w.do(t, "GET", "/timer", "")
		got <- text
	}()
	w.do(t, "POST", "/timer", "")
	if text := <-got; !strings.Contains(text, "rang") {
		t.Errorf("the request that waited got %s", text)
	}
}

func afterTheAnswer(t *testing.T, w *runtime) {
	w.want(t, "GET", "/after", "", `"answered"`)
	awaitKV(t, w, "after", "done")
}

// awaitKV waits for a value that begins so.
func awaitKV(t *testing.T, w *runtime, key, want string) {
	t.Helper()
	var got string
	await(t, key+" is "+want, func() bool {
		_, got = w.do(t, "GET", "/kv/"+key, "")
		return strings.HasPrefix(got, `"`+want)
	})
}

func queues(t *testing.T, w *runtime) {
	w.want(t, "POST", "/send", "ack-1 retry-1 poison-1 late-1", "4")
	awaitKV(t, w, "ack-1", "jobs attempt ")
	awaitKV(t, w, "retry-1", "jobs attempt 2 waited true")
	awaitKV(t, w, "late-1", "jobs attempt 1 waited true")
	awaitKV(t, w, "poison-1", "dead attempt 1")
	w.want(t, "POST", "/send", "fail-1", "1") // and with it its whole batch
	awaitKV(t, w, "fail-1", "jobs attempt 2")
}

func schedule(t *testing.T, w *runtime) {
	if resp, text := w.ask(t, "POST", w.admin+"/scheduled", nil); resp.StatusCode != http.StatusOK {
		t.Fatal(text)
	}
	awaitKV(t, w, "scheduled", "* * * * *")
}

func objectCounts(t *testing.T, w *runtime) {
	inParallel(20, func() { w.do(t, "POST", "/room/counts/add", "") })
	w.want(t, "GET", "/room/counts/value", "", "20")
	w.want(t, "GET", "/room/another/value", "", "0")
}

func objectDatabase(t *testing.T, w *runtime) {
	w.want(t, "GET", "/room/database/types", "", `"[absent whole broken text bytes] [[\u003cnil\u003e 9007199254740991 1.5 ümläut [0 255]]]"`)
	w.want(t, "POST", "/room/database/rollback", "", "1")
	var others string
	var both sync.WaitGroup
	both.Go(func() { _, others = w.do(t, "POST", "/room/database/block", "") })
	inParallel(5, func() { w.do(t, "POST", "/room/database/block", "") })
	both.Wait()
	if strings.TrimSpace(others) != "0" {
		t.Errorf("%s requests were let in while the object was blocked", others)
	}
}

// blockedAmongOthers blocks an object again and again while requests elsewhere in the
// same program collect garbage and wait on timers: what wakes a goroutine of the object
// then is often somebody else's turn.
func blockedAmongOthers(t *testing.T, w *runtime) {
	done := make(chan struct{})
	var beside sync.WaitGroup
	for range 4 {
		beside.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					w.do(t, "GET", "/busy", "")
				}
			}
		})
	}
	for range 10 {
		inParallel(6, func() { w.want(t, "POST", "/room/blocked/block", "", "0") })
	}
	close(done)
	beside.Wait()
}

func alarm(t *testing.T, w *runtime) {
	w.want(t, "POST", "/room/alarm/alarm?ms=50", "", "true")
	await(t, "the second alarm", func() bool {
		_, notes := w.do(t, "GET", "/room/alarm/notes", "")
		return strings.TrimSpace(notes) == `["alarm after 1 tries"]`
	})
}

func brokenObject(t *testing.T, w *runtime) {
	for range 2 { // it is tried anew
		if status, text := w.do(t, "GET", "/room/broken/value", ""); status != http.StatusInternalServerError || !strings.Contains(text, "it will not be made") {
			t.Errorf("%d %s", status, text)
		}
	}
}

func manyObjectsAtOnce(t *testing.T, w *runtime) { w.want(t, "POST", "/rooms", "", "100") }

func sockets(t *testing.T, w *runtime) {
	ann, bob := w.join(t, "talk", "ann"), w.join(t, "talk", "bob")
	if got := say(t, ann, "hello"); got != "ann said hello" {
		t.Errorf("ann hears %q", got)
	}
	if got := say(t, ann, "ping"); got != "pong" {
		t.Errorf("the platform answers a ping with %q", got)
	}
	if got := say(t, bob, "life"); !strings.HasSuffix(got, " bob [member bob]") {
		t.Errorf("bob hears %q", got)
	}
	if err := bob.Write(t.Context(), websocket.MessageBinary, []byte{0, 255}); err != nil {
		t.Fatal(err)
	}
	if kind, data, err := bob.Read(t.Context()); err != nil || kind != websocket.MessageBinary || string(data) != "bob\x00\xff" {
		t.Errorf("bob reads %v %q %v", kind, data, err)
	}
	w.want(t, "POST", "/room/talk/cast?tag=member", "to all", "2")
	w.want(t, "POST", "/room/talk/cast?tag=bob", "to bob", "1")
	if got := []string{hear(t, ann), hear(t, bob), hear(t, bob)}; got[0] != "to all" || got[1] != "to all" || got[2] != "to bob" {
		t.Errorf("they hear %q", got)
	}
	if err := ann.Write(t.Context(), websocket.MessageText, []byte("panic")); err != nil {
		t.Fatal(err)
	}
	if got := say(t, bob, "still here"); got != "bob said still here" {
		t.Errorf("after a panic bob hears %q", got)
	}
	if err := bob.Write(t.Context(), websocket.MessageText, []byte("close")); err != nil {
		t.Fatal(err)
	}
	if code, reason := closedWith(t, bob); code != 4000 || reason != "as you wish" {
		t.Errorf("bob is closed with %d %s", code, reason)
	}
	carl := w.join(t, "talk", "carl")
	if err := carl.Close(4001, "bye"); err != nil {
		t.Fatal(err)
	}
	await(t, "the room notes who left", func() bool {
		_, notes := w.do(t, "GET", "/room/talk/notes", "")
		return strings.Contains(notes, "carl left with 4001 bye")
	})
	if resp, text := w.ask(t, "GET", w.url+"/room/talk/ws?as=nobody", nil); resp.StatusCode != http.StatusInternalServerError || !strings.Contains(text, "Upgrade") {
		t.Errorf("a plain request joins: %d %s", resp.StatusCode, text)
	}
}

// hibernation leaves an object idle until the platform has taken it out of memory,
// which nobody can see without waking it.
func hibernation(t *testing.T, w *runtime) {
	conn := w.join(t, "sleepy", "ann")
	first, _, _ := strings.Cut(say(t, conn, "life"), " ")
	for idle := 11 * time.Second; ; idle += 5 * time.Second {
		select {
		case <-t.Context().Done():
			t.Fatal("the object stays in memory")
		case <-time.After(idle):
		}
		life, rest, _ := strings.Cut(say(t, conn, "life"), " ")
		if rest != "ann [member ann]" {
			t.Fatalf("the socket came back as %q", rest)
		}
		if life != first {
			return
		}
	}
}

// aborted ends an object with a request under way and a socket open, while another
// one counts.
func aborted(t *testing.T, w *runtime) {
	w.want(t, "POST", "/room/ended/add", "", "1")
	conn := w.join(t, "ended", "ann")
	_, life := w.do(t, "GET", "/room/ended/life", "")
	var others sync.WaitGroup
	others.Go(func() {
		for i := range 50 {
			w.want(t, "POST", "/room/bystander/add", "", fmt.Sprint(i+1))
		}
	})
	others.Go(func() { w.do(t, "POST", "/room/ended/alarm?ms=0", "") })
	if status, text := w.do(t, "POST", "/room/ended/abort", ""); status != http.StatusInternalServerError {
		t.Errorf("the request that ends it is answered %d %s", status, text)
	}
	if _, _, err := conn.Read(t.Context()); err == nil {
		t.Error("the socket goes on")
	}
	w.want(t, "POST", "/room/ended/add", "", "2")
	if _, again := w.do(t, "GET", "/room/ended/life", ""); again == life {
		t.Error("the object was not made anew")
	}
	others.Wait()
	timer(t, w)
}

// lostProgram ends the Go program; the next request starts it again, and objects
// are made anew with what they kept.
func lostProgram(t *testing.T, w *runtime) {
	w.do(t, "POST", "/room/lost/add", "")
	conn := w.join(t, "lost", "ann")
	first, _, _ := strings.Cut(say(t, conn, "life"), " ")
	if status, _ := w.do(t, "GET", "/panic/elsewhere", ""); status != http.StatusInternalServerError {
		t.Errorf("status %d", status)
	}
	w.want(t, "POST", "/room/lost/add", "", "2")
	if life, rest, _ := strings.Cut(say(t, conn, "life"), " "); life == first || rest != "ann [member ann]" {
		t.Errorf("the socket reaches %s %q", life, rest)
	}
}

func killed(t *testing.T, w *runtime) {
	w.want(t, "POST", "/room/kept/add", "", "1")
	w.want(t, "POST", "/room/kept/alarm?ms=1", "", "true")
	w.kill(t)
	w.run(t)
	w.want(t, "POST", "/room/kept/add", "", "2")
	await(t, "the alarm rings after the kill", func() bool {
		_, notes := w.do(t, "GET", "/room/kept/notes", "")
		return strings.Contains(notes, "alarm after")
	})
}
