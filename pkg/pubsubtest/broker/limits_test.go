package broker

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"projects/p/topics/abc": true, "projects/p/topics/a-b_c.d~e+f%25": true,
		"projects/p/topics/" + strings.Repeat("a", 255): true,
		"projects/p/topics/" + strings.Repeat("a", 256): false,
		"projects/p/topics/ab":                          false, "projects/p/topics/1abc": false,
		"projects/p/topics/googabc": false, "projects/p/topics/a b c": false,
		"projects/p/subscriptions/abc": false, "projects//topics/abc": false, "abc": false, "": false,
	} {
		if err := checkName(name, "topics"); (err == nil) != ok {
			t.Errorf("checkName(%q) = %v, want ok %v", name, err, ok)
		}
	}
}

func TestMessagesBeyondALimitAreRefused(t *testing.T) {
	w := newWorld(t, Options{})
	many := map[string]string{}
	for _, k := range numbered(101) {
		many[k] = ""
	}
	for name, messages := range map[string][]*pubsubpb.PubsubMessage{
		"none":               {},
		"nothing in it":      {{OrderingKey: "k"}},
		"one of two is bad":  {{Data: []byte("x")}, {}},
		"too many":           make([]*pubsubpb.PubsubMessage, 1001),
		"too large":          {{Data: make([]byte, MaxMessageBytes+1)}},
		"together too large": {{Data: make([]byte, MaxMessageBytes/2)}, {Data: make([]byte, MaxMessageBytes/2)}},
		"attributes":         {{Attributes: many}},
		"attribute key":      {{Attributes: map[string]string{strings.Repeat("k", 257): ""}}},
		"empty key":          {{Attributes: map[string]string{"": "v"}}},
		"reserved key":       {{Attributes: map[string]string{"google": "v"}}},
		"attribute value":    {{Attributes: map[string]string{"k": strings.Repeat("v", 1025)}}},
		"ordering key":       {{Data: []byte("x"), OrderingKey: strings.Repeat("k", 1025)}},
	} {
		if _, err := w.b.Publish(w.now, topicT, messages); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v, want InvalidArgument", name, err)
		}
	}
	if _, err := w.b.Publish(w.now, topicD, []*pubsubpb.PubsubMessage{{Data: []byte("x")}}); status.Code(err) != codes.NotFound {
		t.Errorf("no such topic: %v", err)
	}
}

func TestSubscriptionsBeyondALimitAreRefused(t *testing.T) {
	w := newWorld(t, Options{})
	for name, change := range map[string]func(*pubsubpb.Subscription){
		"ack deadline below": func(s *pubsubpb.Subscription) { s.AckDeadlineSeconds = 9 },
		"ack deadline above": func(s *pubsubpb.Subscription) { s.AckDeadlineSeconds = 601 },
		"retention below":    keepFor(10*time.Minute - 1),
		"retention above":    keepFor(31*24*time.Hour + 1),
		"filter":             func(s *pubsubpb.Subscription) { s.Filter = "attributes." },
		"filter length":      func(s *pubsubpb.Subscription) { s.Filter = "attributes:" + strings.Repeat("k", 250) },
		"attempts":           func(s *pubsubpb.Subscription) { deadLetters(s); s.DeadLetterPolicy.MaxDeliveryAttempts = 4 },
		"backoff":            retries(time.Minute, time.Second),
		"expiration": func(s *pubsubpb.Subscription) {
			s.ExpirationPolicy = &pubsubpb.ExpirationPolicy{Ttl: durationpb.New(time.Hour)}
		},
		"exactly once push": func(s *pubsubpb.Subscription) {
			exactlyOnce(s)
			s.PushConfig = &pubsubpb.PushConfig{PushEndpoint: "http://x"}
		},
		"no topic":            func(s *pubsubpb.Subscription) { s.Topic = "projects/p/topics/none" },
		"export to BigQuery":  func(s *pubsubpb.Subscription) { s.BigqueryConfig = &pubsubpb.BigQueryConfig{} },
		"a name of its topic": func(s *pubsubpb.Subscription) { s.Name = topicT },
	} {
		config := &pubsubpb.Subscription{Name: subS, Topic: topicT}
		change(config)
		if _, err := w.b.CreateSubscription(w.now, config); err == nil || status.Code(err) == codes.Unknown {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDefaultsAreTheServices(t *testing.T) {
	w := newWorld(t, Options{})
	c := w.sub(subS, topicT, nil).Config()
	if c.AckDeadlineSeconds != 10 || c.MessageRetentionDuration.AsDuration() != 7*24*time.Hour ||
		c.ExpirationPolicy.Ttl.AsDuration() != 31*24*time.Hour || c.State != pubsubpb.Subscription_ACTIVE {
		t.Errorf("a new subscription is %v", c)
	}
}

func TestAnUpdateChangesTheMaskAndNothingElse(t *testing.T) {
	w := newWorld(t, Options{})
	w.sub(subS, topicT, retries(time.Second, time.Minute))
	change := &pubsubpb.Subscription{
		Name: subS, AckDeadlineSeconds: 20, Labels: map[string]string{"not": "in the mask"},
		RetryPolicy: &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(2 * time.Second)},
	}
	s, err := w.b.UpdateSubscription(w.now, change, []string{"ack_deadline_seconds", "retry_policy.minimum_backoff"})
	w.must(err)
	policy := s.Config().RetryPolicy
	if s.Config().AckDeadlineSeconds != 20 || len(s.Config().Labels) != 0 ||
		policy.MinimumBackoff.AsDuration() != 2*time.Second || policy.MaximumBackoff.AsDuration() != time.Minute {
		t.Errorf("after the update: %v", s.Config())
	}
	for _, mask := range [][]string{nil, {"nonsense"}, {"filter"}, {"topic"}, {"name"}, {"enable_message_ordering"}, {"retry_policy.nonsense"}, {"labels.x"}} {
		if _, err := w.b.UpdateSubscription(w.now, change, mask); status.Code(err) != codes.InvalidArgument {
			t.Errorf("mask %q: %v, want InvalidArgument", mask, err)
		}
	}
}

func TestBadAckIDs(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, nil)
	for _, ids := range [][]string{nil, {"nonsense"}, {"1-2"}, {"1-2-"}, {"1-2-3-4"}, {"--"}} {
		if _, err := w.b.Acknowledge(w.now, s, ids); status.Code(err) != codes.InvalidArgument {
			t.Errorf("Acknowledge(%q): %v, want InvalidArgument", ids, err)
		}
	}
	if _, err := w.b.ModifyAckDeadline(w.now, s, []string{"1-2-3"}, 601*time.Second); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a deadline of 601 s: %v", err)
	}
	if _, err := w.b.Acknowledge(w.now, s, []string{ackID(s.uid, 99, 1), ackID(99, 0, 1)}); err != nil {
		t.Errorf("unknown ids are ignored: %v", err)
	}
}

func TestHeldMessagesAreBounded(t *testing.T) {
	w := newWorld(t, Options{MaxBytes: 1000})
	s := w.sub(subS, topicT, nil)
	message := strings.Repeat("x", 600)
	w.publish(topicT, message)
	w.publish(topicT, message)
	_, err := w.b.Publish(w.now, topicT, []*pubsubpb.PubsubMessage{{Data: []byte("y")}})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("publish with more than the limit held: %v", err)
	}
	w.must(w.b.SeekToTime(w.now, s, w.now.Add(time.Second)))
	if w.b.bytes != 0 {
		t.Errorf("%d bytes are held after a purge", w.b.bytes)
	}
	w.publish(topicT, message)
}
