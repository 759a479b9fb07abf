//go:build unix

package imageresize

import (
	"slices"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/sqsconsumer/deadqueue"
)

func TestADeadLetterIsListedRepairedAndSentBack(t *testing.T) {
	c := newCluster(t)
	c.startWorker(t)
	data := picture(t, 300, 300, green())
	p := c.permit(t, "photo.jpg", "image/jpeg", data)
	version := put(t, p, data)
	c.send(t, `{"half":`)
	letters, err := deadqueue.Open(t.Context(), c.sqs, c.names.Queue)
	if err != nil {
		t.Fatal(err)
	}
	var id string
	eventually(t, "it is listed with its reason", func() bool {
		all, err := letters.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(all, func(l deadqueue.Letter) bool { return l.Body == `{"half":` && l.Reason != "" })
		if i >= 0 {
			id = all[i].ID
		}
		return i >= 0
	})
	repaired, err := lostEvent(c.names.Uploads, Version{Key: p.Key, ID: version}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if sent, err := letters.Redrive(t.Context(), id, repaired); err != nil || len(sent) != 1 {
		t.Fatalf("redrive: %+v, %v", sent, err)
	}
	wantSizes(t, c.settled(t, p.ID, 1)[0], green(), 300, 300, 200)
	if all, err := letters.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("dead letters after that: %+v, %v", all, err)
	}
	if sent, err := letters.Redrive(t.Context(), "", ""); err != nil || len(sent) != 0 {
		t.Errorf("a second redrive sent %+v, %v", sent, err)
	}
}

// TestTheSweeperSendsAgainAtTwiceTheAge: what waits in a backlog looks lost, too.
func TestTheSweeperSendsAgainAtTwiceTheAge(t *testing.T) {
	c := newCluster(t)
	data := picture(t, 50, 50, red())
	p := c.permit(t, "photo.jpg", "image/jpeg", data)
	put(t, p, data)
	uploaded := c.find(t, p.ID).Versions[0].AcceptedAt
	s := &sweeper{
		Sweep: Sweep{Grace: time.Minute, Back: 2 * time.Hour}, images: newImages(c.cfg, c.names), records: c.records,
		queue: c.queue(t), metrics: newMetrics(), log: c.log, sent: map[Version]time.Duration{},
	}
	for _, tt := range []struct {
		age  time.Duration
		sent bool
	}{
		{30 * time.Second, false}, {time.Minute, true}, {90 * time.Second, false}, {2 * time.Minute, true}, {3 * time.Minute, false}, {5 * time.Minute, true}, {3 * time.Hour, false},
	} {
		before := len(s.sent)
		last := s.sent[s.only()]
		if err := s.pass(t.Context(), uploaded.Add(tt.age)); err != nil {
			t.Fatal(err)
		}
		if sent := len(s.sent) > before || s.sent[s.only()] > last; sent != tt.sent {
			t.Errorf("at %v: sent %v, want %v", tt.age, sent, tt.sent)
		}
	}
}

// only returns the one version that was sent again.
func (s *sweeper) only() (v Version) {
	for v = range s.sent {
		break
	}
	return v
}
