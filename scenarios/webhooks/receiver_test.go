//go:build unix

package webhooks

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/webhooksig"
)

func TestBadRequestsAreRefusedAndLeaveNothing(t *testing.T) {
	c := newCluster(t)
	good := body("evt_1", nil)
	signed := func(raw []byte, at time.Time, keys webhooksig.Keys) http.Header {
		return http.Header{"Stripe-Signature": {webhooksig.SignStripe(keys, at, raw)}}
	}
	twice := signed(good, time.Now(), paymentKeys()[:1])
	twice.Add("Stripe-Signature", twice.Get("Stripe-Signature"))
	short := signed(good, time.Now(), paymentKeys()[:1])
	short.Set("Stripe-Signature", short.Get("Stripe-Signature")[:78])
	huge := append(body("evt_huge", nil), bytes.Repeat([]byte(" "), 10<<20)...)
	days := func(n int) int64 { return time.Now().Add(time.Duration(n) * day).Unix() }
	for _, tt := range []struct {
		name   string
		path   string
		header http.Header
		body   []byte
		want   int
	}{
		{"no signature", "payments", http.Header{}, good, 401},
		{"a wrong one", "payments", signed(good, time.Now(), webhooksig.Keys{[]byte("the key of nobody at all")}), good, 401},
		{"of another body", "payments", stripe(body("evt_2", nil)), good, 401},
		{"a short one", "payments", short, good, 401},
		{"two headers", "payments", twice, good, 401},
		{"an hour old", "payments", signed(good, time.Now().Add(-time.Hour), paymentKeys()), good, 401},
		{"of the future", "payments", signed(good, time.Now().Add(time.Hour), paymentKeys()), good, 401},
		{"the other provider's scheme", "repos", stripe(good), good, 401},
		{"the other provider's key", "repos", http.Header{"X-Hub-Signature-256": {webhooksig.SignGitHub(paymentKeys()[0], good)}}, good, 401},
		{"an unknown provider", "nobody", stripe(good), good, 404},
		{"10 MB, validly signed", "payments", stripe(huge), huge, 413},
		{"no JSON, validly signed", "payments", stripe([]byte("{")), []byte("{"), 400},
		{"nothing, validly signed", "payments", stripe(nil), nil, 400},
		{"a list", "payments", stripe([]byte("[]")), []byte("[]"), 400},
	} {
		status, text, header := c.post(t, "/webhooks/"+tt.path, tt.header, bytes.NewReader(tt.body))
		if status != tt.want || header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s, want %d and a problem", tt.name, status, text, tt.want)
		}
	}
	for name, tt := range map[string]struct {
		changes map[string]any
		want    int
	}{
		"no id":                    {map[string]any{"id": ""}, 400},
		"an id with a line break":  {map[string]any{"id": "a\nb"}, 400},
		"a long id":                {map[string]any{"id": strings.Repeat("x", 101)}, 400},
		"no type":                  {map[string]any{"type": ""}, 400},
		"no account":               {map[string]any{"account": ""}, 400},
		"an account that is SQL":   {map[string]any{"account": "a'; DROP TABLE accounts"}, 400},
		"no version":               {map[string]any{"version": 0}, 400},
		"a version that is text":   {map[string]any{"version": "1"}, 400},
		"half a version":           {map[string]any{"version": 1.5}, 400},
		"no time":                  {map[string]any{"created": 0}, 400},
		"older than is remembered": {map[string]any{"created": days(-30)}, 422},
		"created tomorrow":         {map[string]any{"created": days(1)}, 422},
		"an enormous amount":       {map[string]any{"data": map[string]any{"amount": 2e12}}, 400},
		"a plan with a zero byte":  {map[string]any{"data": map[string]any{"plan": "a\x00b"}}, 400},
	} {
		raw := body("evt_bad", tt.changes)
		if status, text, _ := c.post(t, "/webhooks/payments", stripe(raw), bytes.NewReader(raw)); status != tt.want {
			t.Errorf("%s: %d %s, want %d", name, status, text, tt.want)
		}
	}
	c.startProcessor(t)
	c.accept(t, body("evt_good", nil))
	eventually(t, "the one good event is applied", func() bool { return c.rows(t) > 0 })
	if n := c.rows(t); n != 1 {
		t.Errorf("%d events are applied, want the one good one", n)
	}
}

func TestOtherMethodsAndPathsAreRefused(t *testing.T) {
	r := newReceiver(nil, nil, 1, newMetrics(), nil)
	for request, want := range map[string]int{"GET /webhooks/payments": 405, "POST /": 404, "POST /webhooks/": 404} {
		method, path, _ := strings.Cut(request, " ")
		req, err := http.NewRequestWithContext(t.Context(), method, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := &statusWriter{header: http.Header{}}
		if r.ServeHTTP(w, req); w.status != want {
			t.Errorf("%s: %d, want %d", request, w.status, want)
		}
	}
}

type statusWriter struct {
	header http.Header
	status int
}

func (w *statusWriter) Header() http.Header         { return w.header }
func (w *statusWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *statusWriter) WriteHeader(status int)      { w.status = status }

func TestAnActiveKeyOfEitherProviderIsTaken(t *testing.T) {
	c := newCluster(t)
	raw := body("evt_1", nil)
	for i, header := range []http.Header{
		{"Stripe-Signature": {webhooksig.SignStripe(paymentKeys()[:1], time.Now(), raw)}},
		{"Stripe-Signature": {webhooksig.SignStripe(paymentKeys()[1:], time.Now(), raw)}},
		{"Stripe-Signature": {webhooksig.SignStripe(append(webhooksig.Keys{[]byte("a key that is retired here")}, paymentKeys()[1]), time.Now(), raw)}},
	} {
		if status, text, _ := c.post(t, "/webhooks/payments", header, bytes.NewReader(raw)); status != 202 {
			t.Errorf("signature %d: %d %s", i, status, text)
		}
	}
	if status, text, _ := c.post(t, "/webhooks/repos", http.Header{"X-Hub-Signature-256": {webhooksig.SignGitHub(repoKeys()[0], raw)}}, bytes.NewReader(raw)); status != 202 {
		t.Errorf("GitHub's: %d %s", status, text)
	}
}

// TestALargeBodyWithoutALengthIsCutOff sends chunks until somebody says stop.
func TestALargeBodyWithoutALengthIsCutOff(t *testing.T) {
	c := newCluster(t)
	raw := bytes.Repeat([]byte("x"), 10<<20)
	header := stripe(raw)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(c.urls[0], "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sent := make(chan int64, 1)
	go func() {
		fmt.Fprintf(conn, "POST /webhooks/payments HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nStripe-Signature: %s\r\n\r\n", header.Get("Stripe-Signature"))
		n := int64(0)
		for ; n < int64(len(raw)); n += 4096 {
			if _, err := fmt.Fprintf(conn, "1000\r\n%s\r\n", raw[:4096]); err != nil {
				break
			}
		}
		sent <- n
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", resp.StatusCode)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	conn.Close()
	if n := <-sent; n >= int64(len(raw)) {
		t.Errorf("all of %d bytes were read", n)
	}
}

func TestMoreThanIsAdmittedIsRefusedAtOnceAndForgedEventsTakeNoPlace(t *testing.T) {
	c := newCluster(t)
	c.urls[0] = c.receiver(t, 1)
	raw := body("evt_1", nil)
	for range 20 {
		if status, _, _ := c.post(t, "/webhooks/payments", stripe(nil), bytes.NewReader(raw)); status != 401 {
			t.Errorf("a forged event: %d, want 401", status)
		}
	}
	statuses := map[int]int{}
	for range 5 {
		status, _, header := c.post(t, "/webhooks/payments", stripe(raw), bytes.NewReader(raw))
		statuses[status]++
		if status == 503 && header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
	if statuses[202] == 0 || statuses[503] == 0 {
		t.Errorf("five events at once: %v, want some admitted and some refused", statuses)
	}
}
