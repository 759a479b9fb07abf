package management_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/access"
	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/management"
	"github.com/provingground/provingground/pkg/servicebustest/message"
)

// node is the management node of an entity.
type node struct {
	t      *testing.T
	broker *broker.Broker
	path   string
}

func newNode(t *testing.T) *node {
	t.Helper()
	n := byte(0)
	b := broker.New(broker.Options{Token: func() encoding.UUID { n++; return encoding.UUID{n, 1, 2, 3, 4, 5, 6, 7, 8} }})
	b.Advance(time.Unix(1000, 0))
	for _, err := range []error{
		b.CreateQueue("q", broker.Settings{}), b.CreateQueue("s", broker.Settings{RequiresSession: true}),
		b.CreateTopic("t", broker.Settings{}), b.CreateSubscription("t", "s", broker.Settings{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return &node{t, b, "q"}
}

func request(operation string, body encoding.Map) message.Message {
	p := message.Parts{
		Application: encoding.Map{{Key: "operation", Value: "com.microsoft:" + operation}},
		Properties:  message.SetProperty(nil, message.PropertyMessageID, encoding.UUID{7}),
	}
	return message.New(p, message.Value(body))
}

// asks wants a status and returns the body of the reply.
func (n *node) asks(operation string, want int32, body ...encoding.Entry) encoding.Map {
	n.t.Helper()
	r := management.Answer(n.broker, n.path, management.Read(request(operation, body)))
	if r.Status != want {
		n.t.Errorf("%s: %d %s, want %d", operation, r.Status, r.Description, want)
	}
	m, _ := r.Body.(encoding.Map)
	return m
}

func entry(key string, v any) encoding.Entry { return encoding.Entry{Key: key, Value: v} }

func TestAReplyCarriesTheIdOfItsRequestAndBothSpellings(t *testing.T) {
	r := management.Reply{Status: 404, Description: "no", Condition: broker.NotFound}
	m, err := message.Parse(r.Encode(request("x", nil)))
	if err != nil {
		t.Fatal(err)
	}
	if id := m.Properties().At(message.PropertyCorrelationID); id != (encoding.UUID{7}) {
		t.Errorf("correlation id %#v", id)
	}
	for key, want := range map[string]any{
		"status-code": int32(404), "statusCode": int32(404), "status-description": "no", "statusDescription": "no",
		"errorCondition": encoding.Symbol("amqp:not-found"),
	} {
		if v, _ := m.Application().Get(key); v != want {
			t.Errorf("%s is %#v, want %#v", key, v, want)
		}
	}
}

func TestRequestsThatMakeNoSenseAreRefused(t *testing.T) {
	n := newNode(t)
	tokens := entry("lock-tokens", encoding.Array{encoding.UUID{1}})
	n.asks("unknown", 501)
	n.asks("", 501)
	n.asks("renew-lock", 400)
	n.asks("renew-lock", 400, entry("lock-tokens", encoding.Array{"x"}))
	n.asks("renew-lock", 410, tokens)
	n.asks("update-disposition", 400, tokens, entry("disposition-status", "eaten"))
	n.asks("update-disposition", 410, tokens, entry("disposition-status", "completed"))
	n.asks("receive-by-sequence-number", 400)
	n.asks("receive-by-sequence-number", 404, entry("sequence-numbers", encoding.Array{int64(9)}))
	n.asks("schedule-message", 400, entry("messages", encoding.List{"x"}))
	n.asks("schedule-message", 400, entry("messages", encoding.List{encoding.Map{entry("message", []byte("x"))}}))
	n.asks("cancel-scheduled-message", 404, entry("sequence-numbers", encoding.Array{int64(9)}))
	n.asks("peek-message", 204, entry("message-count", int32(-1)))
	n.asks("renew-session-lock", 410, entry("session-id", "x"))
	n.asks("add-rule", 400, entry("rule-name", "r"))
	n.path = "absent"
	n.asks("peek-message", 404)
}

func TestMessagesArePeekedLockedAndSettledByToken(t *testing.T) {
	n := newNode(t)
	raw := message.New(message.Parts{}, message.Data([]byte("x"))).Encode(nil)
	body := n.asks("schedule-message", 200, entry("messages", encoding.List{encoding.Map{entry("message", raw)}, encoding.Map{entry("message", raw)}}))
	numbers, _ := body.Get("sequence-numbers")
	if fmt.Sprint(numbers) != "[1 2]" {
		t.Errorf("numbers %v", numbers)
	}
	found, _ := n.asks("peek-message", 200, entry("from-sequence-number", int64(2)), entry("message-count", int32(10))).Get("messages")
	if len(encoding.Items(found)) != 1 {
		t.Errorf("peeked %v", found)
	}
	n.asks("peek-message", 204, entry("from-sequence-number", int64(3)), entry("message-count", int32(10)))
	r, err := n.broker.Open("q", broker.ReceiverOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d, _ := r.Take()
	tokens := entry("lock-tokens", encoding.Array{broker.LockToken(d.Tag)})
	ends, _ := n.asks("renew-lock", 200, tokens).Get("expirations")
	if times, ok := ends.([]time.Time); !ok || len(times) != 1 || !times[0].Equal(time.Unix(1060, 0)) {
		t.Errorf("expirations %v", ends)
	}
	n.asks("update-disposition", 200, tokens, entry("disposition-status", "defered"))
	again, _ := n.asks("receive-by-sequence-number", 200, entry("sequence-numbers", encoding.Array{int64(1)}), entry("receiver-settle-mode", uint32(1))).Get("messages")
	first, _ := encoding.Items(again)[0].(encoding.Map)
	token, _ := first.Get("lock-token")
	n.asks("update-disposition", 200, entry("lock-tokens", encoding.Array{token}), entry("disposition-status", "suspended"), entry("deadletter-reason", "why"))
	if d, _ := n.broker.Describe("q"); d.Counts.DeadLetter != 1 || d.Counts.Active != 1 {
		t.Errorf("counts %+v", d.Counts)
	}
}

func TestListsOfSessionsEnd(t *testing.T) {
	n := newNode(t)
	n.path = "s"
	for i := range 5 {
		p := message.Parts{Properties: message.SetProperty(nil, message.PropertyGroupID, fmt.Sprint("session ", i))}
		if _, err := n.broker.Send("s", message.New(p, message.Data(nil))); err != nil {
			t.Fatal(err)
		}
	}
	all := entry("last-updated-time", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))
	got := 0
	for skip := int32(0); skip < 4; skip += 2 {
		ids, _ := n.asks("get-message-sessions", 200, all, entry("skip", skip), entry("top", int32(2))).Get("sessions-ids")
		got += len(ids.([]string))
	}
	if got != 4 {
		t.Errorf("%d ids on two pages of two", got)
	}
	n.asks("get-message-sessions", 204, all, entry("skip", int32(5)), entry("top", int32(2)))
	n.asks("get-message-sessions", 204, entry("last-updated-time", time.Unix(1, 0)), entry("top", int32(2)))
}

func TestRulesAreAddedListedAndRemoved(t *testing.T) {
	n := newNode(t)
	n.path = "t/Subscriptions/s"
	sql := entry("rule-description", encoding.Map{
		entry("sql-filter", encoding.Map{entry("expression", "a = 1")}), entry("sql-rule-action", encoding.Map{entry("expression", "SET b = 2")}),
	})
	n.asks("add-rule", 200, entry("rule-name", "r"), sql)
	n.asks("add-rule", 409, entry("rule-name", "r"), sql)
	n.asks("add-rule", 200, entry("rule-name", "c"), entry("rule-description", encoding.Map{
		entry("correlation-filter", encoding.Map{entry("label", "l"), entry("properties", encoding.Map{entry("k", "v")})}),
	}))
	rules, _ := n.asks("enumerate-rules", 200, entry("top", int32(10)), entry("skip", int32(1))).Get("rules")
	if len(encoding.Items(rules)) != 2 {
		t.Errorf("rules %v", rules)
	}
	n.asks("enumerate-rules", 204, entry("top", int32(10)), entry("skip", int32(3)))
	n.asks("remove-rule", 200, entry("rule-name", "r"))
	n.asks("remove-rule", 404, entry("rule-name", "r"))
}

func TestOperationsNeedTheirRights(t *testing.T) {
	for operation, want := range map[string]access.Rights{
		"peek-message": access.Listen, "schedule-message": access.Send, "add-rule": access.Manage, "unknown": access.Listen,
	} {
		if got := management.Read(request(operation, nil)).Needs(); got != want {
			t.Errorf("%s needs %s, want %s", operation, got, want)
		}
	}
}
