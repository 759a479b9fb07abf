package broker

import (
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"
)

func retain(s *pubsubpb.Subscription) { s.RetainAckedMessages = true }

func keepFor(d time.Duration) func(*pubsubpb.Subscription) {
	return func(s *pubsubpb.Subscription) { s.MessageRetentionDuration = durationpb.New(d) }
}

func TestSeekToThePastReplaysWhatIsRetained(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, retain)
	w.publish(topicT, "a")
	w.after(time.Minute)
	middle := w.now
	w.publish(topicT, "b", "c")
	w.gets(s, "a b c")
	w.ack(s, "a", "b", "c")
	w.backlog(s, 0)
	w.must(w.b.SeekToTime(w.now, s, middle))
	w.backlog(s, 2)
	w.gets(s, "b c")
	w.must(w.b.SeekToTime(w.now, s, middle.Add(-time.Hour)))
	w.gets(s, "a b c")
}

func TestWithoutRetentionAcknowledgedMessagesDoNotComeBack(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, nil)
	w.publish(topicT, "a", "b")
	w.gets(s, "a b")
	w.ack(s, "a")
	w.must(w.b.SeekToTime(w.now, s, w.now.Add(-time.Hour)))
	w.gets(s, "b")
}

func TestSeekToTheFuturePurges(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, ordered)
	w.publish(topicT, "K:a", "b", "K:c")
	w.pull(s, &Consumer{Stream: true}, 1)
	w.must(w.b.SeekToTime(w.now, s, w.now.Add(time.Second)))
	w.backlog(s, 0)
	w.retained(topicT, 0)
	w.after(time.Hour)
	w.gets(s, "")
	w.publish(topicT, "K:d")
	w.gets(s, "d")
}

func TestATopicThatRetainsServesNewSubscriptions(t *testing.T) {
	w := newWorld(t, Options{})
	w.topic(topicD, func(c *pubsubpb.Topic) { c.MessageRetentionDuration = durationpb.New(time.Hour) })
	w.publish(topicD, "a")
	w.after(30 * time.Minute)
	w.publish(topicD, "b")
	s := w.sub(subD, topicD, nil)
	w.gets(s, "")
	w.must(w.b.SeekToTime(w.now, s, w.now.Add(-time.Hour)))
	w.gets(s, "a b")
	w.ack(s, "a", "b")
	w.after(30 * time.Minute)
	w.retained(topicD, 1)
	w.must(w.b.SeekToTime(w.now, s, w.now.Add(-2*time.Hour)))
	w.gets(s, "b")
	w.ack(s, "b")
	w.after(30 * time.Minute)
	w.retained(topicD, 0)
}

func TestUnacknowledgedMessagesEndWithTheirRetention(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, all(keepFor(10*time.Minute), ordered))
	w.publish(topicT, "K:a", "b")
	c := &Consumer{Stream: true, AckDeadline: 600 * time.Second}
	w.after(time.Minute)
	w.pull(s, c, 1)
	w.publish(topicT, "K:c")
	w.after(9 * time.Minute)
	w.backlog(s, 1)
	w.retained(topicT, 1)
	if c.Outstanding() != 0 {
		t.Errorf("%d outstanding of what is gone", c.Outstanding())
	}
	if got := w.pull(s, c, 10); got != "c" {
		t.Errorf("got %q", got)
	}
}

func TestASnapshotHoldsABacklogAndWhatCameSince(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, nil)
	w.publish(topicT, "a", "b")
	w.gets(s, "a b")
	w.ack(s, "a")
	p, err := w.b.CreateSnapshot(w.now, "projects/p/snapshots/snap", subS, nil)
	w.must(err)
	w.ack(s, "b")
	w.publish(topicT, "c")
	w.gets(s, "c")
	w.ack(s, "c")
	w.must(w.b.SeekToSnapshot(w.now, s, p.config.Name))
	w.gets(s, "b c")
	w.ack(s, "b", "c")
	w.retained(topicT, 2)
	other := w.sub("projects/p/subscriptions/other", topicT, nil)
	w.must(w.b.SeekToSnapshot(w.now, other, p.config.Name))
	w.gets(other, "b c")
	w.must(w.b.DeleteSubscription(w.now, "projects/p/subscriptions/other"))
	w.after(7 * 24 * time.Hour)
	w.retained(topicT, 0)
	if _, err := w.b.Snapshot(p.config.Name); err == nil {
		t.Error("the snapshot outlived its time")
	}
}

func TestASnapshotOfAnOldBacklogLivesShorterOrNot(t *testing.T) {
	w := newWorld(t, Options{})
	w.sub(subS, topicT, nil)
	w.publish(topicT, "a")
	w.after(6 * 24 * time.Hour)
	p, err := w.b.CreateSnapshot(w.now, "projects/p/snapshots/snap", subS, nil)
	w.must(err)
	if life := p.config.ExpireTime.AsTime().Sub(w.now); life != 24*time.Hour {
		t.Errorf("it lives %v, want 24h", life)
	}
	w.after(23*time.Hour + time.Minute)
	if _, err := w.b.CreateSnapshot(w.now, "projects/p/snapshots/late", subS, nil); err == nil {
		t.Error("a snapshot that would live less than an hour was made")
	}
}

func TestASnapshotIsForItsTopicOnly(t *testing.T) {
	w := newWorld(t, Options{})
	w.topic(topicD, nil)
	w.sub(subS, topicT, nil)
	s := w.sub(subD, topicD, nil)
	_, err := w.b.CreateSnapshot(w.now, "projects/p/snapshots/snap", subS, nil)
	w.must(err)
	if err := w.b.SeekToSnapshot(w.now, s, "projects/p/snapshots/snap"); err == nil {
		t.Error("sought to a snapshot of another topic")
	}
}

func TestADeletedTopicLeavesItsBacklog(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, nil)
	w.publish(topicT, "a")
	w.must(w.b.DeleteTopic(w.now, topicT))
	if s.Config().Topic != "_deleted-topic_" {
		t.Errorf("the subscription's topic is %q", s.Config().Topic)
	}
	w.topic(topicT, nil)
	w.publish(topicT, "of the new topic")
	w.gets(s, "a")
	w.must(w.b.DeleteSubscription(w.now, subS))
	if len(w.b.logs) != 1 {
		t.Errorf("%d logs are kept, want that of the new topic", len(w.b.logs))
	}
}

func TestADetachedSubscriptionHasNothing(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.sub(subS, topicT, nil)
	w.publish(topicT, "a")
	w.must(w.b.Detach(w.now, subS))
	w.retained(topicT, 0)
	w.publish(topicT, "b")
	w.gets(s, "")
	if names, _ := w.b.SubscriptionsOf(topicT); len(names) != 0 {
		t.Errorf("the topic still has %q", names)
	}
}

func TestAnUnusedSubscriptionEnds(t *testing.T) {
	w := newWorld(t, Options{})
	day := func(s *pubsubpb.Subscription) {
		s.ExpirationPolicy = &pubsubpb.ExpirationPolicy{Ttl: durationpb.New(24 * time.Hour)}
	}
	s := w.sub(subS, topicT, day)
	w.sub(subD, topicT, func(s *pubsubpb.Subscription) { s.ExpirationPolicy = &pubsubpb.ExpirationPolicy{} })
	w.after(23 * time.Hour)
	w.gets(s, "")
	w.after(23 * time.Hour)
	w.gets(s, "")
	c := &Consumer{Stream: true}
	w.b.Open(w.now, s)
	w.after(100 * time.Hour)
	w.b.Advance(w.now)
	if s.Gone() {
		t.Error("gone while a stream was open")
	}
	w.b.Close(w.now, s, c)
	w.after(24 * time.Hour)
	w.b.Advance(w.now)
	if !s.Gone() {
		t.Error("still there after a day without use")
	}
	w.after(365 * 24 * time.Hour)
	w.b.Advance(w.now)
	if _, err := w.b.Subscription(subD); err != nil {
		t.Errorf("one that never expires: %v", err)
	}
}
