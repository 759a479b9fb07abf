package edgeapi

import (
	"context"
	"fmt"

	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/loadtest/trial"
)

// row is an item as the database has it.
type row struct {
	version int64
	writer  string // the key in its description
}

// rows reads the whole table, past the service.
func (d *Driver) rows(ctx context.Context) (map[string]row, error) {
	found, err := d.database().Run(ctx, provision.Statement{SQL: "SELECT id, version, description FROM items"})
	if err != nil {
		return nil, fmt.Errorf("look at items in the database: %w", err)
	}
	all := make(map[string]row, len(found))
	for _, r := range found {
		id, _ := r["id"].(string)
		version, _ := r["version"].(float64)
		description, _ := r["description"].(string)
		all[id] = row{version: int64(version), writer: writerOf(description)}
	}
	return all, nil
}

// Judge compares what the run was told with what happened. It waits for the
// follow-ups.
func (d *Driver) Judge(ctx context.Context, o trial.Observed) ([]judge.Check, error) {
	if err := d.follow.settled(ctx); err != nil {
		return nil, err
	}
	rows, err := d.rows(ctx)
	if err != nil {
		return nil, err
	}
	return []judge.Check{
		judge.Ledger(&d.ledger, d.created(rows), "new items", o.Drill),
		d.judgeVersions(rows),
		d.judgeVisibility(),
		judge.Checkf("answers", d.wrong.String() == "", "%s", orElse(d.wrong.String(), "every read and receipt was what it must be")),
	}, nil
}

// created are the items that the load made, by who asked for them: all but those
// that it began with.
func (d *Driver) created(rows map[string]row) map[string]int {
	began := map[string]bool{d.race.item: true}
	for _, it := range d.items {
		began[it.id] = true
	}
	effects := map[string]int{}
	for id, r := range rows {
		if !began[id] {
			effects["item "+r.writer]++
		}
	}
	return effects
}

// judgeVersions wants each version of each item to have one writer, who was told
// so, and the newest to be what its writer wrote.
func (d *Driver) judgeVersions(rows map[string]row) judge.Check {
	var wrong []string
	versions := int64(0)
	for _, it := range d.items {
		r := rows[it.id]
		if s := it.judge(r.version, r.writer); s != "" {
			wrong = append(wrong, s)
		}
		versions += max(0, r.version-1)
	}
	if len(wrong) > 0 {
		return judge.Checkf("versions", false, "%s", judge.Some(wrong))
	}
	return judge.Checkf("versions", versions > 0, "%d versions have one writer each, who was told so or has no answer, and %d changes that came too late changed nothing",
		versions, d.conflicts.Load())
}

func (d *Driver) judgeVisibility() judge.Check {
	if wrong := d.follow.wrong.String(); wrong != "" {
		return judge.Checkf("visibility", false, "%s", wrong)
	}
	return judge.Checkf("visibility", d.follow.checked.Load() > 0,
		"%d of %d acknowledged changes were looked for: with the bookmark and by a repetition at once, in the colo that wrote at once, and in every cache after %v, and were there",
		d.follow.checked.Load(), d.follow.made.Load(), cachedFor)
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Facts says where answers came from.
func (d *Driver) Facts(trial.Metrics, trial.Metrics, float64) []report.Fact {
	hits, misses, bypassed := d.hits.Load(), d.misses.Load(), d.bypassed.Load()
	all := float64(max(1, hits+misses+bypassed))
	share := func(n int64) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/all) }
	facts := []report.Fact{
		{Name: "cached", Value: share(hits), Note: fmt.Sprintf("of the reads; %s asked D1, %s had to", share(misses), share(bypassed))},
		{Name: "conflicts", Value: fmt.Sprint(d.conflicts.Load()), Note: "changes that were answered with 412, because another one came before"},
		{Name: "replayed", Value: fmt.Sprint(d.replays.Load()), Note: "writes that got their first answer when they were repeated"},
	}
	if d.most > 0 {
		facts = append(facts, report.Fact{Name: "maximum", Value: fmt.Sprintf("%.0f/s", d.most), Note: fmt.Sprintf("reads that %d clients got answered before the load, each one after the other, with writes between; the load is half of that", paceUsers)})
	}
	return facts
}
