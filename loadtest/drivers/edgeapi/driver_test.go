package edgeapi

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

func newDriver(t *testing.T) *Driver {
	t.Helper()
	sc, _ := scenarios.Find("edgeapi")
	s := &stack.Stack{Instances: []*stack.Instance{
		{Role: "worker", URL: "http://127.0.0.1:1", AdminURL: "http://127.0.0.1:3"},
		{Role: "worker", URL: "http://127.0.0.1:2", AdminURL: "http://127.0.0.1:4"},
	}}
	d, err := New(trial.NewSetup(sc, s, 1000, 50, 0, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAWriteIsTheSameInEveryAttempt(t *testing.T) {
	d := newDriver(t)
	w := write{key: "k", method: "PUT", path: "/api/items/1", version: 3, draft: &draft{Name: "Cup", Description: by("k")}}
	first, err := d.request(w)
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.request(w)
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("%v\n%s\n%s", err, first, again)
	}
	for _, want := range []string{"If-Match: \"3\"\r\n", "Idempotency-Key: k\r\n", `"description":"written by k"`} {
		if !strings.Contains(string(first), want) {
			t.Errorf("%q is not in\n%s", want, first)
		}
	}
}

func TestVersionsAreJudgedByWhoWasToldThatHeWroteThem(t *testing.T) {
	for _, tt := range []struct {
		name    string
		told    func(i *item)
		version int64
		writer  string
		want    string // in the sentence
	}{
		{"untouched", func(*item) {}, 1, "seed", ""},
		{"two writers, one after the other", func(i *item) { i.acknowledged(2, "a"); i.acknowledged(3, "b") }, 3, "b", ""},
		{"an acknowledged version is not there", func(i *item) { i.acknowledged(2, "a"); i.acknowledged(3, "b") }, 2, "a", "was acknowledged as version 3"},
		{"the newest is somebody else's", func(i *item) { i.acknowledged(2, "a") }, 2, "b", `is what b wrote, and "a" was acknowledged`},
		{"a version that nobody was told of", func(i *item) { i.acknowledged(2, "a"); i.acknowledged(4, "b") }, 4, "b", "version 3 of it was written by nobody"},
		{"without an answer, and there", func(i *item) { i.lose(2, "a"); i.acknowledged(3, "b") }, 3, "b", ""},
		{"without an answer, and the newest", func(i *item) { i.lose(2, "a") }, 2, "a", ""},
		{"without an answer, and not there", func(i *item) { i.lose(2, "a") }, 1, "seed", ""},
		{"refused as old, and it was", func(i *item) { i.acknowledged(2, "a"); i.old(1, 2, "b") }, 2, "a", ""},
		{"refused as old, and it was not", func(i *item) { i.old(1, 1, "b") }, 1, "seed", "b was told that version 1 of it is old"},
	} {
		i := &item{id: "it", version: 1}
		tt.told(i)
		if got := i.judge(tt.version, tt.writer); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestOneVersionHasOneWriter(t *testing.T) {
	i := &item{id: "it", version: 1}
	if other := i.acknowledged(2, "a"); other != "" {
		t.Errorf("the first writer meets %q", other)
	}
	if other := i.acknowledged(2, "a"); other != "" {
		t.Errorf("the first writer's repetition meets %q", other)
	}
	if other := i.acknowledged(2, "b"); other != "a" {
		t.Errorf("the second writer meets %q, want a", other)
	}
}
