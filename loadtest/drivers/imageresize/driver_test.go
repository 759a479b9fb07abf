package imageresize

import (
	"bytes"
	"image"
	"image/jpeg"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/drills"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/ledger"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/pkg/imagehall"
	"github.com/provingground/provingground/scenarios"
)

func setup() trial.Setup {
	sc, _ := scenarios.Find("imageresize")
	s := &stack.Stack{Instances: []*stack.Instance{
		{Role: "api", URL: "http://127.0.0.1:1", AdminURL: "http://127.0.0.1:3"},
		{Role: "api", Index: 1, URL: "http://127.0.0.1:2", AdminURL: "http://127.0.0.1:4"},
	}}
	return trial.NewSetup(sc, s, 5, 10, 0, time.Second)
}

func newDriver(t *testing.T, s trial.Setup) *Driver {
	t.Helper()
	d, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// small are pictures without the pixels.
func small() *pictures {
	p := &pictures{hall: []imagehall.Exhibit{{Name: "bomb.png", Data: []byte("bomb"), Refused: []string{"corrupt"}}}}
	for i := range p.ordinary {
		p.ordinary[i] = []byte{0xff, 0xd8, byte(i)}
	}
	for i := range p.photo {
		p.photo[i] = []byte{0xff, 0xd8, 100}
	}
	return p
}

func TestEveryUploadHasItsOwnBytesAndMostAreOrdinary(t *testing.T) {
	p := small()
	etags, kinds, names := map[string]bool{}, map[string]int{}, map[string]bool{}
	for k := range int64(100) {
		for nth := range 2 {
			pic := p.of("run", k, nth)
			etags[pic.etag()] = true
			kinds[pic.kind]++
			names[pic.name] = true
		}
		if first, second := p.of("run", k, 0), p.of("run", k, 1001); first.kind == ordinary && first.tint == second.tint {
			t.Errorf("upload %d is overwritten by a picture that looks the same", k)
		}
	}
	if len(etags) != 200 || kinds[photo] != 10 || kinds[hostile] != 8 || len(names) != 6 {
		t.Errorf("%d different uploads of 200, kinds %v, names %v", len(etags), kinds, names)
	}
	if pic := p.of("run", 3, 0); pic.contentType() != "image/png" || !slices.Equal(pic.reason, []string{"corrupt"}) {
		t.Errorf("hostile upload %+v", pic)
	}
}

func TestACommentLeavesAPictureWhole(t *testing.T) {
	data, err := encoded(64, 48, 1, 90)
	if err != nil {
		t.Fatal(err)
	}
	img, err := jpeg.Decode(bytes.NewReader(commented(data, "run-1-0")))
	if err != nil || img.Bounds() != image.Rect(0, 0, 64, 48) {
		t.Errorf("decoded: %v", err)
	}
}

func TestACopyShowsOfWhichPictureItIs(t *testing.T) {
	for tint := range tints {
		data, err := encoded(320, 240, tint, 60)
		if err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if got := tintOf(img); got != tint {
			t.Errorf("picture %d shows as %d", tint, got)
		}
	}
	if got := tintOf(image.NewRGBA(image.Rect(0, 0, 1, 1))); got != -1 {
		t.Errorf("what is no copy of ours shows as %d", got)
	}
}

func TestAnOverloadIsOfUploadsAlone(t *testing.T) {
	s := setup()
	if flows := newDriver(t, s).Flows(); len(flows) != 2 || flows[0].Name != "uploads" {
		t.Errorf("%d flows, want uploads and permits", len(flows))
	}
	s.Arrivals = drills.OverloadArrivals(scenarios.Drill{Admits: 10, Lasts: time.Second}, s)
	if flows := newDriver(t, s).Flows(); len(flows) != 1 {
		t.Errorf("%d flows in an overload, want uploads alone", len(flows))
	}
}

// done returns a driver whose one upload has come to its end, changed by breakIt.
func done(t *testing.T, breakIt func(d *Driver, e *effects)) *Driver {
	t.Helper()
	d := newDriver(t, setup())
	p := picture{kind: ordinary, name: "a.jpg", tint: 2, w: 2000, h: 1000, data: []byte("bytes")}
	etag := d.sending("in/x/a.jpg", p)
	now := time.Now()
	d.ledger.Answered("in/x/a.jpg", ledger.Acknowledged, now)
	d.acknowledged(etag, now)
	r := record{key: "in/x/a.jpg", state: "done", finished: now.Add(time.Second), sizes: []size{
		{"large", "l", 1600, 800, 3}, {"medium", "m", 640, 320, 2}, {"small", "s", 200, 100, 1},
	}}
	d.effects = &effects{
		sources: []source{{"in/x/a.jpg", "v1", etag}}, records: map[string]record{"v1": r},
		objects: map[string]int64{"l": 3, "m": 2, "s": 1}, shown: map[string]int{"s": 2},
	}
	d.enter(map[string]record{"v1": r})
	breakIt(d, d.effects)
	return d
}

func change(e *effects, how func(*record)) {
	r := e.records["v1"]
	how(&r)
	e.records["v1"] = r
}

func TestTheJudgeNamesWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name    string
		breakIt func(d *Driver, e *effects)
		failed  string // the checks that fail; empty: none
	}{
		{"nothing", func(*Driver, *effects) {}, ""},
		{"the object is gone", func(_ *Driver, e *effects) { e.sources = nil }, "ledger, ends"},
		{"an object that nobody sent", func(_ *Driver, e *effects) { e.sources = append(e.sources, source{"in/y", "v2", "e"}) }, "ledger, ends"},
		{"no record", func(_ *Driver, e *effects) { delete(e.records, "v1") }, "ends, renditions"},
		{"a good picture is refused", func(_ *Driver, e *effects) { change(e, func(r *record) { r.state, r.sizes = "failed", nil }) }, "ends, renditions"},
		{"a hostile one is done", func(d *Driver, e *effects) {
			for etag, u := range d.sent {
				u.picture.kind, u.picture.reason = hostile, []string{"corrupt"}
				d.sent[etag] = u
			}
		}, "ends"},
		{"a size is missing", func(_ *Driver, e *effects) { delete(e.objects, "m") }, "sizes"},
		{"a size is another than recorded", func(_ *Driver, e *effects) { e.objects["m"] = 77 }, "sizes"},
		{"a size has another shape", func(_ *Driver, e *effects) { change(e, func(r *record) { r.sizes[0].h = 1600 }) }, "sizes"},
		{"it shows another picture", func(_ *Driver, e *effects) { e.shown["s"] = 3 }, "sizes"},
		{"a rendition is nobody's", func(_ *Driver, e *effects) { e.objects["stray"] = 1 }, "renditions"},
		{"the record was written again", func(d *Driver, e *effects) {
			change(e, func(r *record) { r.finished = r.finished.Add(time.Second) })
			d.enter(e.records)
		}, "records"},
		{"a dead letter", func(_ *Driver, e *effects) { e.dead = 1 }, "dead letters"},
		{"it took too long", func(_ *Driver, e *effects) {
			change(e, func(r *record) { r.finished = r.finished.Add(time.Hour) })
		}, "ends"},
	} {
		d := done(t, tt.breakIt)
		var failed []string
		for _, c := range []judge.Check{judge.Ledger(&d.ledger, d.kept(), "uploads", false), d.judgeEnds(), d.judgeSizes(), d.judgeRecords(), d.judgeObjects(), d.judgeDead()} {
			if c.Verdict == judge.Fail {
				failed = append(failed, c.Name)
			}
		}
		if got := strings.Join(failed, ", "); got != tt.failed {
			t.Errorf("%s: failed checks %q, want %q", tt.name, got, tt.failed)
		}
	}
}
