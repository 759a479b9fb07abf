//go:build unix

package servicebusdlq

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// outcome counts messages that ended so.
func (c *cluster) outcome(t *testing.T, name string) float64 {
	t.Helper()
	all, err := c.process.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		for _, m := range family.GetMetric() {
			if family.GetName() == "servicebusdlq_messages_total" && m.GetLabel()[0].GetValue() == name {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// step takes resubmissions on until a condition holds.
func step(t *testing.T, what string, s *sender, holds func() bool) {
	t.Helper()
	await(t, what, func() bool {
		if _, err := s.step(t.Context()); err != nil {
			t.Fatal(err)
		}
		return holds()
	})
}

// broken makes n letters of payments without a rate.
func (c *cluster) broken(t *testing.T, n int, ordered bool) []*Letter {
	t.Helper()
	for i := range n {
		c.pay(t, fmt.Sprintf("a-payment-without-a-rate-%d", i), "acme", ordered, `{"amount":100,"currency":"XYZ"}`)
	}
	return c.awaitLetters(t, n)
}

func TestTheCanaryDiesAndTheRestStays(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	c.startCollectors(t)
	c.broken(t, 3, false)
	c.decide(t, http.MethodPut, "/api/resubmissions/too-early", `{"reason":"keeps-failing"}`)
	step(t, "stopped", c.sender(t), func() bool { return c.resubmission(t, "too-early").State == stopped })
	if r := c.resubmission(t, "too-early"); r.Died != 1 || r.Letters != 3 || r.Booked != 0 {
		t.Errorf("%+v, want one of three dead", r)
	}
	for _, l := range c.kept(t) {
		if l.State != Open {
			t.Errorf("letter %s is %s", l.ID, l.State)
		}
	}
	// Mended, under a name of its own: the canary takes a third MessageId.
	if err := (ledger{c.payments}).setRate(t.Context(), "XYZ", 100); err != nil {
		t.Fatal(err)
	}
	c.decide(t, http.MethodPut, "/api/resubmissions/mended", `{"reason":"keeps-failing"}`)
	step(t, "done", c.sender(t), func() bool { return c.resubmission(t, "mended").State == done })
	var generations, deaths int64
	for _, l := range c.kept(t) {
		generations, deaths = generations+l.Generation, deaths+l.Deaths
	}
	if n, _ := c.paid(t, "acme"); n != 3 || generations != 4 || deaths != 4 {
		t.Errorf("%d payments are booked of three letters that were sent %d times and died %d times; want 3, 4 and 4", n, generations, deaths)
	}
}

// The quarantine is killed after it kept a letter and before it completed the dead
// letter, or storage is away meanwhile: the dead letter stays in its queue, comes
// again, and is one letter.
func TestADeadLetterIsOneLetterHoweverOftenItComes(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		t.Run(fmt.Sprintf("ordered %t", ordered), func(t *testing.T) {
			c := newCluster(t)
			tables := c.servers.Get("tables")
			c.startProcessor(t)
			c.pay(t, "a-payment-that-dies-once", "acme", ordered, `"no payment"`)
			await(t, "dead", func() bool { return c.outcome(t, "dead") == 1 })
			queue := c.queues.Plain
			if ordered {
				queue = c.queues.Ordered
			}
			r, err := c.process.Client.NewReceiverForQueue(queue, &azservicebus.ReceiverOptions{SubQueue: azservicebus.SubQueueDeadLetter})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close(context.WithoutCancel(t.Context()))
			got, err := r.ReceiveMessages(t.Context(), 1, nil)
			if err != nil || len(got) != 1 {
				t.Fatalf("received %d, %v", len(got), err)
			}
			keep := collector{vault{c.letters}, c.process.metrics, c.process.Log}.from(queue)
			if err := keep(t.Context(), got[0]); err != nil {
				t.Fatal(err)
			}
			if err := r.AbandonMessage(t.Context(), got[0], nil); err != nil { // killed here
				t.Fatal(err)
			}
			if err := tables.Pause(); err != nil {
				t.Fatal(err)
			}
			c.startCollectors(t)
			await(t, "waiting", func() bool { return c.outcome(t, "waiting") > 0 })
			if err := tables.Resume(); err != nil {
				t.Fatal(err)
			}
			await(t, "gone", func() bool { more, err := r.PeekMessages(t.Context(), 1, nil); return err == nil && len(more) == 0 })
			if l := c.kept(t); len(l) != 1 || l[0].Deaths != 1 || l[0].Reason != reasonMalformed {
				t.Errorf("%d letters: %+v", len(l), l)
			}
		})
	}
}

func TestResubmittedTwiceIsBookedOnce(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		t.Run(fmt.Sprintf("ordered %t", ordered), func(t *testing.T) {
			c := newCluster(t)
			c.startProcessor(t)
			c.startCollectors(t)
			old := c.broken(t, 3, ordered)
			if err := (ledger{c.payments}).setRate(t.Context(), "XYZ", 50); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				c.decide(t, http.MethodPut, "/api/resubmissions/mended", `{"reason":"keeps-failing"}`)
			}
			c.decide(t, http.MethodPut, "/api/resubmissions/mended-again", `{"reason":"keeps-failing"}`)
			s, other := c.sender(t), c.sender(t)
			step(t, "done", s, func() bool {
				if _, err := other.step(t.Context()); err != nil {
					t.Fatal(err)
				}
				return c.resubmission(t, "mended").State == done && c.resubmission(t, "mended-again").State == done
			})
			if n, cents := c.paid(t, "acme"); n != 3 || cents != 150 {
				t.Errorf("%d payments, %d cents; want 3 and 150", n, cents)
			}
			if a, b := c.resubmission(t, "mended"), c.resubmission(t, "mended-again"); a.Booked+b.Booked != 3 || a.Died+b.Died != 0 {
				t.Errorf("%+v and %+v", a, b)
			}
			for i, l := range c.kept(t) {
				if l.State != Booked || l.newMessageID() == old[i].MessageID || l.Session != old[i].Session || ordered != (l.Session == "acme") {
					t.Errorf("letter %+v", l)
				}
			}
			if status, _ := ask(t, http.MethodPut, c.desk+"/api/resubmissions/mended", "", `{"reason":"malformed"}`); status != http.StatusUnprocessableEntity {
				t.Errorf("the name for other letters: %d", status)
			}
		})
	}
}

// Killed between the decision and the sending, or between the sending and its record:
// whoever goes on sends the same message again.
func TestACrashWhileSendingSendsTheSameMessage(t *testing.T) {
	c := newCluster(t)
	stop := c.startProcessor(t)
	c.startCollectors(t)
	id := c.broken(t, 1, false)[0].ID
	stop()
	if err := (ledger{c.payments}).setRate(t.Context(), "XYZ", 100); err != nil {
		t.Fatal(err)
	}
	c.decide(t, http.MethodPut, "/api/resubmissions/interrupted", fmt.Sprintf(`{"ids":[%q]}`, id))
	v, s := vault{c.letters}, c.sender(t)
	l, err := v.find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	l.State, l.Batch, l.Generation = Sending, "interrupted", 1
	if err := v.update(t.Context(), l, Line{Who: "ada", Action: "resubmit"}); err != nil {
		t.Fatal(err)
	}
	if err := s.queues[l.Queue].Send(t.Context(), l.message()); err != nil {
		t.Fatal(err)
	}
	// It was sent, and nobody wrote that down.
	c.startProcessor(t)
	step(t, "done", s, func() bool { return c.resubmission(t, "interrupted").State == done })
	if n, cents := c.paid(t, "acme"); n != 1 || cents != 100 {
		t.Errorf("%d payments, %d cents", n, cents)
	}
}

func TestARepairIsShownBeforeItIsSentAndLeavesALine(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	c.startCollectors(t)
	c.pay(t, "the-payment-to-be-repaired", "acme", true, `{"amount":100,"currency":"XYZ","parts":1}`)
	l := c.awaitLetters(t, 1)[0]
	const fix = `{"data":{"amount":100,"currency":"EUR"},"why":"a typing mistake"}`
	for range 2 { // the second changes nothing
		got := c.decide(t, http.MethodPut, "/api/letters/"+l.ID+"/repair", fix)
		if !strings.Contains(got, `{"path":"$.currency","before":"\"XYZ\"","after":"\"EUR\""},{"path":"$.parts","before":"1"}`) {
			t.Errorf("the difference is %s", got)
		}
	}
	if n, _ := c.paid(t, "acme"); n != 0 {
		t.Error("a repair was booked before it was resubmitted")
	}
	c.decide(t, http.MethodPut, "/api/resubmissions/repaired", fmt.Sprintf(`{"ids":[%q]}`, l.ID))
	step(t, "done", c.sender(t), func() bool { return c.resubmission(t, "repaired").State == done })
	if n, cents := c.paid(t, "acme"); n != 1 || cents != 100 {
		t.Errorf("%d payments, %d cents", n, cents)
	}
	lines, err := vault{c.letters}.audit(t.Context(), l.ID)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range lines {
		got = append(got, line.Who+" "+line.Action)
	}
	if want := "servicebusdlq-ordered died; ada repaired; ada resubmit; quarantine sent; quarantine booked"; strings.Join(got, "; ") != want {
		t.Errorf("audit %q, want %q", got, want)
	}
	for body, status := range map[string]int{
		`{"data":"no payment","why":"x"}`: 400, `{"data":{"amount":1}}`: 400, `{"data":{"amount":1},"why":"too late"}`: 409,
		`{"data":{"amount":1},"why":"` + strings.Repeat("x", MaxBody) + `"}`: 413,
	} {
		if got, text := ask(t, http.MethodPut, c.desk+"/api/letters/"+l.ID+"/repair", "", body); got != status {
			t.Errorf("repair %.60s: %d %s, want %d", body, got, text, status)
		}
	}
}

func TestADiscardedLetterStaysSo(t *testing.T) {
	c := newCluster(t)
	c.startProcessor(t)
	c.startCollectors(t)
	l := c.broken(t, 1, false)[0]
	for _, want := range []string{`{"discarded":1}`, `{"discarded":0}`} {
		if got := strings.TrimSpace(c.decide(t, http.MethodPost, "/api/discards", fmt.Sprintf(`{"ids":[%q],"why":"a test"}`, l.ID))); got != want {
			t.Errorf("discards: %s, want %s", got, want)
		}
	}
	c.decide(t, http.MethodPut, "/api/resubmissions/of-a-discarded", fmt.Sprintf(`{"ids":[%q]}`, l.ID))
	step(t, "done", c.sender(t), func() bool { return c.resubmission(t, "of-a-discarded").State == done })
	if r := c.resubmission(t, "of-a-discarded"); r.Skipped != 1 {
		t.Errorf("%+v, want it skipped", r)
	}
	// The dead letter delivered again says nothing new.
	v := vault{c.letters}
	if err := (collector{v, c.process.metrics, c.process.Log}).keep(t.Context(), l, 0); err != nil {
		t.Fatal(err)
	}
	if l, err := v.find(t.Context(), l.ID); err != nil || l.State != Discarded || l.Deaths != 1 {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestTheDeskRefusesMistakes(t *testing.T) {
	c := newCluster(t)
	for request, want := range map[string]int{
		"GET /api/letters/nosuch ": 404, "GET /api/letters/0123456789abcdef0123456789abcdef/diff ": 404, "GET /api/resubmissions/nosuch ": 404,
		"GET /api/letters?limit=x ": 400, "GET /api/letters?after=' ": 400, "GET /api/audit?letter='or'1'eq'1 ": 404,
		"PUT /api/resubmissions/a {}": 400, `PUT /api/resubmissions/A {"reason":"x"}`: 400, `PUT /api/resubmissions/a {"reason":"x","ids":["y"]}`: 400,
		`PUT /api/resubmissions/a {"ids":["0123456789abcdef0123456789abcdef"]}`: 404,
		`POST /api/discards {"reason":"x"}`:                                     400, `GET /api/groups `: 200, `GET /nothing `: 404,
	} {
		method, rest, _ := strings.Cut(request, " ")
		path, body, _ := strings.Cut(rest, " ")
		if got, text := ask(t, method, c.desk+path, "", body); got != want {
			t.Errorf("%s: %d %s, want %d", request, got, text, want)
		}
	}
	r, err := http.Get(c.desk + "/api/groups")
	if err != nil || r.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %v, %v", r, err)
	}
	if err := (vault{c.letters}).update(t.Context(), &Letter{ID: digest("nobody"), etag: `W/"datetime'2020-01-01T00%3A00%3A00.0000000Z'"`}, Line{}); !errors.Is(err, errStale) {
		t.Errorf("a letter that is not there: %v", err)
	}
}

func TestDifferences(t *testing.T) {
	for _, tt := range []struct{ before, after, want string }{
		{`{"a":1}`, `{"a": 1 }`, `[]`},
		{`{"a":1,"b":{"c":[1]}}`, `{"b":{"c":[2]},"d":null}`, `[{$.a 1 } {$.b.c [1] [2]} {$.d  null}]`},
		{`text`, `{"a":1}`, `[{$ "text" } {$.a  1}]`},
		{`{}`, `{}`, `[]`},
	} {
		if got := fmt.Sprint(diff([]byte(tt.before), []byte(tt.after))); got != tt.want {
			t.Errorf("diff(%s, %s) = %s, want %s", tt.before, tt.after, got, tt.want)
		}
	}
}
