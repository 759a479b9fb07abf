package imageresize

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
)

const (
	permitTarget = 20 * time.Millisecond
	photoTarget  = 10 * time.Second // from S3's answer until the record of a photo is there
	endTarget    = 15 * time.Minute // of any version
	forever      = 24 * time.Hour   // longer than any run
	// memoryBound of a resizing process: what its jobs may take together, what Go's
	// collector leaves lying about, and the program.
	memoryBound = 900 << 20
)

// Judge waits until every version has come to its end or nothing moves any more,
// and compares.
func (d *Driver) Judge(ctx context.Context, o trial.Observed) ([]judge.Check, error) {
	if err := d.settle(ctx); err != nil {
		return nil, err
	}
	checks := []judge.Check{
		judge.Ledger(&d.ledger, d.kept(), "uploads", o.Drill),
		d.judgeEnds(), d.judgeSizes(), d.judgeRecords(), d.judgeObjects(), d.judgeDead(), d.judgeMemory(),
	}
	if o.Drill {
		if len(o.Flows) > 1 { // an overload leaves a queue of minutes behind
			checks = append(checks, d.judgeCatchUp(o))
		}
		return checks, nil
	}
	for _, f := range o.Flows[1:] {
		p99 := f.LatencyOK.Quantile(0.99)
		checks = append(checks, judge.Checkf("permits p99", p99 < permitTarget, "permits took %v at p99 from the intended time (target %v)", p99.Round(10*time.Microsecond), permitTarget).Timed())
	}
	return append(checks, d.judgePhotos(d.drained(), forever)), nil
}

// kept counts 1 for each key of which S3 has a version: how often it was sent
// decides how many.
func (d *Driver) kept() map[string]int {
	found := map[string]int{}
	for _, s := range d.effects.sources {
		found[s.key] = 1
	}
	return found
}

// end is one version of S3's with what was sent and how it ended.
type end struct {
	source
	upload
	record record
	known  bool // it was sent by this run
	ended  bool
}

func (d *Driver) ends() []end {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]end, 0, len(d.effects.sources))
	for _, s := range d.effects.sources {
		u, known := d.sent[s.etag]
		r, ended := d.effects.records[s.version]
		all = append(all, end{s, u, r, known && u.key == s.key, ended})
	}
	return all
}

// judgeEnds wants each version that S3 has, and each that it acknowledged, at the
// end that its picture deserves, in time.
func (d *Driver) judgeEnds() judge.Check {
	var wrong []string
	found := map[string]bool{}
	done, failed := 0, 0
	for _, e := range d.ends() {
		found[e.etag] = true
		switch name := fmt.Sprintf("%s version %s (%s)", e.source.key, e.version, e.picture.kind); {
		case !e.known:
			wrong = append(wrong, name+" was sent by nobody")
		case !e.ended:
			wrong = append(wrong, fmt.Sprintf("%s, acknowledged at %s, has neither three sizes nor a reason", name, clock(e.at)))
		case e.picture.kind == hostile && (e.record.state != "failed" || !slices.Contains(e.picture.reason, e.record.reason)):
			wrong = append(wrong, fmt.Sprintf("%s, %s, ended as %s(%s), want failed%v", name, e.picture.name, e.record.state, e.record.reason, e.picture.reason))
		case e.picture.kind != hostile && e.record.state != "done":
			wrong = append(wrong, fmt.Sprintf("%s ended as %s(%s), want done", name, e.record.state, e.record.reason))
		case !e.at.IsZero() && e.record.finished.Sub(e.at) > endTarget:
			wrong = append(wrong, fmt.Sprintf("%s took %v", name, e.record.finished.Sub(e.at)))
		case e.record.state == "done":
			done++
		default:
			failed++
		}
	}
	for etag, u := range d.uploads() {
		if !u.at.IsZero() && !found[etag] {
			wrong = append(wrong, fmt.Sprintf("%s was acknowledged at %s and S3 has no such version", u.key, clock(u.at)))
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return judge.Checkf("ends", false, "%d versions did not end as they should: %s", len(wrong), judge.Some(wrong))
	}
	return judge.Checkf("ends", true, "each of %d versions came to its end: %d have three sizes, %d hostile ones the right reason", done+failed, done, failed)
}

func (d *Driver) uploads() map[string]upload {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.sent)
}

// judgeSizes wants the three objects of each done version, of the right shape, and
// showing that version's picture and no other's.
func (d *Driver) judgeSizes() judge.Check {
	var wrong []string
	checked := 0
	for _, e := range d.ends() {
		if e.record.state != "done" || !e.known {
			continue
		}
		checked++
		if len(e.record.sizes) != 3 {
			wrong = append(wrong, fmt.Sprintf("%s has %d sizes", e.source.key, len(e.record.sizes)))
		}
		for _, s := range e.record.sizes {
			if fault := d.fault(e, s); fault != "" {
				wrong = append(wrong, fmt.Sprintf("%s version %s: size %s %s", e.source.key, e.version, s.name, fault))
			}
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return judge.Checkf("sizes", false, "%d sizes are not what they should be: %s", len(wrong), judge.Some(wrong))
	}
	return judge.Checkf("sizes", true, "the three sizes of %d versions are there, in shape, and of their own version", checked)
}

// fault says what is wrong with one size, or nothing.
func (d *Driver) fault(e end, s size) string {
	bytes, there := d.effects.objects[s.key]
	longer := map[string]int64{"large": 1600, "medium": 640, "small": 200}[s.name]
	shorter := longer * int64(e.picture.h) / int64(e.picture.w)
	switch {
	case !there:
		return "is not there"
	case bytes != s.bytes:
		return fmt.Sprintf("has %d bytes, its record says %d", bytes, s.bytes)
	case s.w != longer || s.h != shorter:
		return fmt.Sprintf("is %d by %d, want %d by %d", s.w, s.h, longer, shorter)
	case s.name == "small" && d.effects.shown[s.key] != e.picture.tint:
		return fmt.Sprintf("shows picture %d, want %d", d.effects.shown[s.key], e.picture.tint)
	}
	return ""
}

// judgeRecords wants each record to be written once, after its objects.
func (d *Driver) judgeRecords() judge.Check {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.changed) > 0 {
		return judge.Checkf("records", false, "%d records were not written once and last: %s", len(d.changed), judge.Some(d.changed))
	}
	return judge.Checkf("records", true, "each of %d records was written once, after its objects", len(d.seen))
}

// judgeObjects wants no rendition that no record names: what a killed process left
// is what its successor wrote.
func (d *Driver) judgeObjects() judge.Check {
	named := map[string]bool{}
	for _, r := range d.effects.records {
		for _, s := range r.sizes {
			named[s.key] = true
		}
	}
	var wrong []string
	for key := range d.effects.objects {
		if !named[key] {
			wrong = append(wrong, key+" belongs to no record")
		}
	}
	slices.Sort(wrong)
	if len(wrong) > 0 {
		return judge.Checkf("renditions", false, "%d renditions are nobody's: %s", len(wrong), judge.Some(wrong))
	}
	return judge.Checkf("renditions", true, "each of %d renditions belongs to a record", len(d.effects.objects))
}

// judgeDead wants no dead letter: no load sends poison, and an outage is none.
func (d *Driver) judgeDead() judge.Check {
	return judge.Checkf("dead letters", d.effects.dead == 0, "%d healthy messages are on the dead-letter queue", d.effects.dead)
}

func (d *Driver) judgeMemory() judge.Check {
	first, second := d.memory.halves()
	return judge.Checkf("memory", max(first, second) < memoryBound, "a resizing process had at most %d MB resident in the first half and %d MB in the second (limit %d MB)",
		first>>20, second>>20, int64(memoryBound)>>20)
}

// drained returns when the queue of the beginning was worked off: when the last
// of its pictures was, and every other that had been accepted by then.
func (d *Driver) drained() (at time.Time) {
	all := slices.SortedFunc(slices.Values(d.ends()), func(a, b end) int { return a.at.Compare(b.at) })
	bulk := 0
	for _, e := range all {
		if e.bulk {
			bulk++
		}
	}
	for _, e := range all {
		if bulk == 0 && !at.IsZero() && e.at.After(at) {
			return at
		}
		if e.bulk {
			bulk--
		}
		if e.record.finished.After(at) {
			at = e.record.finished
		}
	}
	return at
}

// waits returns how long versions of a kind took that were accepted in that time.
func (d *Driver) waits(kind string, from time.Time, within time.Duration) []time.Duration {
	var all []time.Duration
	for _, e := range d.ends() {
		if e.known && e.ended && e.picture.kind == kind && !e.bulk && e.at.After(from) && e.at.Before(from.Add(within)) {
			all = append(all, max(0, e.record.finished.Sub(e.at)))
		}
	}
	slices.Sort(all)
	return all
}

// judgePhotos wants the sizes of each photo of 12 megapixels in time that was
// accepted when nothing queued before it.
func (d *Driver) judgePhotos(from time.Time, within time.Duration) judge.Check {
	waits := d.waits(photo, from, within)
	slowest := quantile(waits, 1)
	return judge.Checkf("photos", len(waits) > 0 && slowest < photoTarget, "all sizes of each of %d photos of 12 megapixels were there after at most %v (target %v)",
		len(waits), slowest.Round(time.Millisecond), photoTarget).Timed()
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
