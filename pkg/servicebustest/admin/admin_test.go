package admin_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/admin"
	"github.com/provingground/provingground/pkg/servicebustest/broker"
)

// api is a handler and the broker behind it.
type api struct {
	t      *testing.T
	broker *broker.Broker
	http.Handler
	sync error
}

func newAPI(t *testing.T) *api {
	a := &api{t: t, broker: broker.New(broker.Options{})}
	a.broker.Advance(time.Unix(1000, 0))
	a.Handler = admin.New(admin.Options{
		Do:   func(f func(*broker.Broker)) { f(a.broker) },
		Sync: func() error { return a.sync }, Now: time.Now,
	})
	return a
}

// call makes a request; an update has If-Match.
func (a *api) call(method, path, body string, want int) string {
	a.t.Helper()
	r := httptest.NewRequest(strings.TrimSuffix(method, "*"), path, strings.NewReader(body))
	if strings.HasSuffix(method, "*") {
		r.Header.Set("If-Match", "*")
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	answer, _ := io.ReadAll(w.Body)
	if w.Code != want {
		a.t.Errorf("%s %s: %d, want %d: %s", method, path, w.Code, want, answer)
	}
	return string(answer)
}

func entry(kind, fields string) string {
	return fmt.Sprintf(`<entry xmlns="http://www.w3.org/2005/Atom"><content type="application/xml"><%s `+
		`xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">%s</%s></content></entry>`, kind, fields, kind)
}

func TestAQueueIsMadeChangedListedAndDeleted(t *testing.T) {
	a := newAPI(t)
	a.call("PUT", "/a/q", entry("QueueDescription", "<LockDuration>PT45S</LockDuration><UserMetadata>&lt;x&gt; &amp; 'y'</UserMetadata>"), 201)
	a.call("PUT", "/A/Q", entry("QueueDescription", ""), 409)
	got := a.call("GET", "/a/q", "", 200)
	for _, want := range []string{
		"<LockDuration>PT45S</LockDuration>", "<UserMetadata>&lt;x&gt; &amp; 'y'</UserMetadata>", "<MaxDeliveryCount>10</MaxDeliveryCount>",
		"ActiveMessageCount", "<title type=\"text\">a/q</title>",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	a.call("PUT*", "/a/q", entry("QueueDescription", "<MaxDeliveryCount>7</MaxDeliveryCount>"), 200)
	if d, err := a.broker.Describe("a/q"); err != nil || d.Settings.MaxDeliveryCount != 7 {
		t.Errorf("%+v, %v", d, err)
	}
	a.call("PUT*", "/a/q", entry("QueueDescription", "<RequiresSession>true</RequiresSession>"), 400)
	a.call("PUT*", "/a/q", entry("TopicDescription", ""), 400)
	a.call("PUT*", "/absent", entry("QueueDescription", ""), 404)
	for i := range 5 {
		a.call("PUT", fmt.Sprint("/q", i), entry("QueueDescription", ""), 201)
	}
	page := a.call("GET", "/$Resources/Queues?$skip=2&$top=2", "", 200)
	if strings.Count(page, "<entry") != 2 || !strings.Contains(page, ">q1<") || !strings.Contains(page, ">q2<") {
		t.Errorf("page %s", page)
	}
	a.call("DELETE", "/a/q", "", 200)
	a.call("DELETE", "/a/q", "", 404)
	if got := a.call("GET", "/a/q", "", 200); !strings.Contains(got, "Publicly Listed Services") {
		t.Errorf("an absent queue: %s", got)
	}
}

func TestCountsAreThoseOfTheBroker(t *testing.T) {
	a := newAPI(t)
	a.call("PUT", "/t", entry("TopicDescription", ""), 201)
	a.call("PUT", "/t/Subscriptions/s", entry("SubscriptionDescription", ""), 201)
	for name, filter := range map[string]string{
		"sql":         `<Filter i:type="SqlFilter"><SqlExpression>n &gt; 1</SqlExpression></Filter>`,
		"correlation": `<Filter i:type="CorrelationFilter"><Label>x</Label></Filter>`,
	} {
		a.call("PUT", "/t/Subscriptions/s/Rules/"+name, entry("RuleDescription", filter), 201)
	}
	got := a.call("GET", "/t", "", 200)
	for _, want := range []string{"<SubscriptionCount>1<", "<SqlFilterCount>2<", "<CorrelationFilterCount>1<"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if rules := a.call("GET", "/t/subscriptions/s/rules", "", 200); strings.Count(rules, "<entry") != 3 {
		t.Errorf("rules %s", rules)
	}
	a.call("DELETE", "/t/Subscriptions/s/Rules/sql", "", 200)
	a.call("DELETE", "/t/Subscriptions/s/Rules/sql", "", 404)
}

func TestBadRequestsAreRefused(t *testing.T) {
	a := newAPI(t)
	for name, body := range map[string]string{
		"nothing":            "",
		"no XML":             "<a",
		"no entry":           "<a/>",
		"another kind":       entry("OtherDescription", ""),
		"a wrong duration":   entry("QueueDescription", "<LockDuration>1m</LockDuration>"),
		"a long lock":        entry("QueueDescription", "<LockDuration>PT6M</LockDuration>"),
		"a wrong number":     entry("QueueDescription", "<MaxDeliveryCount>x</MaxDeliveryCount>"),
		"a body of megabyte": entry("QueueDescription", "<UserMetadata>"+strings.Repeat("x", 1<<20)+"</UserMetadata>"),
		"ten thousand deep":  strings.Repeat("<a>", 10_000),
	} {
		if got := a.call("PUT", "/q", body, 400); !strings.Contains(got, "<Error>") {
			t.Errorf("%s: %s", name, got)
		}
	}
	a.call("PUT", "/", entry("QueueDescription", ""), 400)
	a.call("POST", "/q", "", 405)
	a.call("PUT", "/absent/Subscriptions/s", entry("SubscriptionDescription", ""), 404)
}

func TestNothingIsConfirmedBeforeItIsOnDisk(t *testing.T) {
	a := newAPI(t)
	a.sync = errors.New("disk full")
	a.call("PUT", "/q", entry("QueueDescription", ""), 500)
	a.call("GET", "/q", "", 200)
}

func TestHealth(t *testing.T) {
	if got := newAPI(t).call("GET", "/health", "", http.StatusOK); !strings.Contains(got, `"healthy"`) {
		t.Errorf("health %s", got)
	}
}
