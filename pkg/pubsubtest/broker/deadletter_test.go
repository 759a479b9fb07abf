package broker

import (
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

func TestAMessageIsForwardedOnceAfterItsLastAttempt(t *testing.T) {
	w := newWorld(t, Options{})
	w.topic(topicD, nil)
	s, dead := w.sub(subS, topicT, deadLetters), w.sub(subD, topicD, nil)
	other := w.sub("projects/p/subscriptions/other", topicT, deadLetters)
	published := w.now
	w.publishWith(map[string]string{"own": "1"}, "a")
	for attempt := 1; attempt <= 5; attempt++ {
		w.after(time.Millisecond)
		w.gets(s, "a")
		if w.tries["a"] != attempt {
			t.Errorf("delivery attempt %d is called %d", attempt, w.tries["a"])
		}
		if attempt%2 == 0 {
			w.nack(s, "a")
		} else {
			w.after(10 * time.Second)
		}
	}
	w.gets(s, "")
	w.backlog(s, 0)
	letters := w.b.Pull(w.now, dead, &Consumer{}, Limit{10, 1 << 20})
	if len(letters) != 1 {
		t.Fatalf("%d dead letters, want 1", len(letters))
	}
	want := map[string]string{
		"own": "1", AttributeDeliveryCount: "5", AttributeSubscription: "mail", AttributeProject: "p",
		AttributePublishTime: published.Format("2006-01-02T15:04:05.999-07:00"),
	}
	for k, v := range want {
		if got := letters[0].Message.Attributes[k]; got != v {
			t.Errorf("attribute %s is %q, want %q", k, got, v)
		}
	}
	if len(letters[0].Message.Attributes) != len(want) || letters[0].Attempt != 0 {
		t.Errorf("dead letter %v", letters[0])
	}
	w.gets(other, "a")
	if w.tries["a"] != 1 {
		t.Errorf("another subscription's first delivery is attempt %d", w.tries["a"])
	}
}

func TestWithoutADeadLetterTopicTheMessageComesAgain(t *testing.T) {
	w := newWorld(t, Options{})
	w.topic(topicD, nil)
	s := w.sub(subS, topicT, deadLetters)
	w.must(w.b.DeleteTopic(w.now, topicD))
	w.publish(topicT, "a")
	for range 8 {
		w.gets(s, "a")
		w.nack(s, "a")
	}
	w.gets(s, "a")
	if w.tries["a"] != 9 {
		t.Errorf("attempt %d, want 9", w.tries["a"])
	}
}

func TestDeadLettersNeedTheirGrantsIfEnforced(t *testing.T) {
	w := newWorld(t, Options{EnforceDeadLetterGrants: true})
	w.topic(topicD, nil)
	s, dead := w.sub(subS, topicT, deadLetters), w.sub(subD, topicD, nil)
	grant := func(resource, role, member string) {
		w.must(w.b.SetPolicy(w.now, resource, &iampb.Policy{Bindings: []*iampb.Binding{{Role: role, Members: []string{member}}}}))
	}
	agent := "serviceAccount:service-123@gcp-sa-pubsub.iam.gserviceaccount.com"
	w.publish(topicT, "a")
	fail := func() {
		w.gets(s, "a")
		w.nack(s, "a")
	}
	for range 5 {
		fail()
	}
	grant(topicD, "roles/pubsub.publisher", "user:me@example.com")
	fail()
	grant(topicD, "roles/pubsub.publisher", agent)
	fail()
	w.gets(dead, "")
	grant(subS, "roles/pubsub.subscriber", agent)
	fail()
	w.gets(s, "")
	w.gets(dead, "a")
}

func TestADeadLetterLetsItsKeyGoOn(t *testing.T) {
	w := newWorld(t, Options{})
	w.topic(topicD, nil)
	s, dead := w.sub(subS, topicT, all(ordered, deadLetters)), w.sub(subD, topicD, nil)
	c := &Consumer{Stream: true}
	w.publish(topicT, "K:a", "K:b")
	for range 5 {
		if got := w.pull(s, c, 10); got != "a b" {
			t.Fatalf("got %q", got)
		}
		w.nack(s, "a")
	}
	if got := w.pull(s, c, 10); got != "b" {
		t.Errorf("after the dead letter: %q", got)
	}
	w.gets(dead, "a")
}

func TestTheDeadLetterTopicMustExist(t *testing.T) {
	w := newWorld(t, Options{})
	config := &pubsubpb.Subscription{Name: subS, Topic: topicT}
	deadLetters(config)
	if _, err := w.b.CreateSubscription(w.now, config); err == nil {
		t.Error("created with a dead-letter topic that does not exist")
	}
}
