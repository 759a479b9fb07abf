package broker_test

import (
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/message"
)

func sql(name, condition, action string) broker.Rule {
	return broker.Rule{Name: name, Filter: broker.Filter{Kind: broker.SQLFilter, SQL: condition}, Action: action}
}

func TestEverySubscriptionWithAMatchingRuleGetsACopy(t *testing.T) {
	w := newWorld(t)
	w.ok(w.CreateTopic("t", broker.Settings{}))
	w.ok(w.CreateSubscription("t", "all", broker.Settings{}))
	w.ok(w.CreateSubscription("t", "big", broker.Settings{}, sql("r", "size > 10", ""), sql("s", "size > 5", "")))
	w.ok(w.CreateSubscription("t", "none", broker.Settings{}, broker.Rule{Name: "f", Filter: broker.Filter{Kind: broker.FalseFilter}}))
	w.ok(w.CreateSubscription("t", "red", broker.Settings{}, broker.Rule{Name: "c", Filter: broker.Filter{
		Kind: broker.CorrelationFilter, Correlation: broker.Correlation{User: broker.Values{"color": "red"}},
	}}))
	w.send("t", "1", property("size", int32(20)), property("color", "red"))
	w.send("t", "2", property("size", int32(1)))
	w.send("t", "3")
	w.holds("t/subscriptions/all", "1", "2", "3")
	w.holds("t/subscriptions/big", "1") // one copy, though two rules match
	w.holds("t/subscriptions/none")
	w.holds("t/subscriptions/red", "1")
}

func TestEachRuleWithAnActionMakesItsOwnCopy(t *testing.T) {
	w := newWorld(t)
	w.ok(w.CreateTopic("t", broker.Settings{}))
	w.ok(w.CreateSubscription("t", "s", broker.Settings{},
		sql("a", "1=1", "SET copy = 'a'; SET sys.To = 'Entity'; REMOVE gone"), sql("b", "1=1", "SET copy = 'b'"), sql("c", "1=1", "")))
	w.ok(w.CreateSubscription("t", "other", broker.Settings{}))
	w.send("t", "1", property("gone", true))
	copies := map[string]encoding.Map{}
	for _, d := range w.holds("t/subscriptions/s", "1", "1", "1") {
		v, _ := d.Message.Application().Get("copy")
		copies[encoding.Text(v)] = d.Message.Application()
		if encoding.Text(v) == "a" && d.Message.Properties().Text(message.PropertyTo) != "Entity" {
			t.Error("sys.To was not set")
		}
	}
	if len(copies) != 3 {
		t.Fatalf("copies %v", copies)
	}
	if _, ok := copies["a"].Get("gone"); ok {
		t.Error("a property was not removed")
	}
	if _, ok := copies["b"].Get("gone"); !ok {
		t.Error("the action of one rule changed the copy of another")
	}
	if _, ok := w.holds("t/subscriptions/other", "1")[0].Message.Application().Get("copy"); ok {
		t.Error("the action of a rule changed another subscription's copy")
	}
}

func TestRulesAreAddedAndRemoved(t *testing.T) {
	w := newWorld(t)
	w.ok(w.CreateTopic("t", broker.Settings{}))
	w.ok(w.CreateSubscription("t", "s", broker.Settings{}))
	path := broker.SubscriptionPath("t", "s")
	w.ok(w.AddRule(path, sql("r", "a = 1", "")))
	w.fails(w.AddRule(path, sql("R", "a = 1", "")), broker.EntityAlreadyExists)
	w.fails(w.AddRule(path, sql("bad", "a =", "")), broker.ArgumentError)
	w.fails(w.AddRule(path, sql("bad", "a = 1", "SET")), broker.ArgumentError)
	w.ok(w.RemoveRule(path, "$default"))
	w.fails(w.RemoveRule(path, "$Default"), broker.NotFound)
	w.send("t", "1")
	w.holds(path)
	w.ok(w.ReplaceRule(path, sql("r", "a IS NULL", "")))
	w.send("t", "2")
	w.holds(path, "2")
	w.fails(w.AddRule("t", sql("r", "1=1", "")), broker.NotAllowed)
}

func TestScheduledMessagesOfATopicFanOutAtTheirTime(t *testing.T) {
	w := newWorld(t)
	w.ok(w.CreateTopic("t", broker.Settings{}))
	w.send("t", "early", at(w.now.Add(time.Minute)))
	n := w.send("t", "never", at(w.now.Add(time.Minute)))
	w.ok(w.Cancel("t", []int64{n}))
	w.ok(w.CreateSubscription("t", "s", broker.Settings{})) // made before it is due
	w.pass(time.Minute)
	w.holds("t/subscriptions/s", "early")
}

func TestASubscriptionWithSessionsBuriesMessagesWithoutOne(t *testing.T) {
	w := newWorld(t)
	w.ok(w.CreateTopic("t", broker.Settings{}))
	w.ok(w.CreateSubscription("t", "s", broker.Settings{RequiresSession: true}))
	w.send("t", "1")
	w.holds("t/subscriptions/s")
	w.holds("t/subscriptions/s/$deadletterqueue", "1")
}
