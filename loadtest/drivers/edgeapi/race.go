package edgeapi

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
)

// rounds is how often two writers meet.
const rounds = 1000

// raceResult is what two writers were told.
type raceResult struct {
	item   string
	rounds int
	wrong  complaints
}

// raceDrill lets two writers, each through a process of its own, change the same
// version of one item at the same time, again and again; then both repeat what
// they sent.
func (d *Driver) raceDrill() *trial.Drill {
	begin := d.setup.FaultBegins()
	return &trial.Drill{
		Before: d.raceItem,
		Steps:  []faults.Step{{At: begin, Name: fmt.Sprintf("two writers race %d times", rounds), Do: d.runRace}},
		Judge: func(o trial.Observed) []judge.Check {
			return []judge.Check{
				judge.Checkf("race", d.race.rounds == rounds && d.race.wrong.String() == "", "%s",
					orElse(d.race.wrong.String(), fmt.Sprintf("in each of %d rounds one writer won and one got 412, and when both repeated what they sent, the winner got its first answer and the loser 412", d.race.rounds))),
				judge.NoErrors(o.Main()), o.Recovered(),
			}
		},
	}
}

func (d *Driver) raceItem(ctx context.Context) error {
	c := d.newClients()
	defer c.Close()
	key := d.run + "-race-item"
	request, err := d.request(write{key: key, method: "POST", path: "/api/items", draft: &draft{Name: "Race", Description: by(key)}})
	if err != nil {
		return err
	}
	if _, err := c.Do(ctx, 0, request); err != nil {
		return err
	}
	var b body
	if err := json.Unmarshal(c.Resp.Body, &b); err != nil || c.Resp.Status != 201 {
		return fmt.Errorf("create the item of the race: status %d: %w", c.Resp.Status, err)
	}
	d.race.item = b.ID
	return nil
}

// told is what a writer was told.
type told struct {
	status int
	body   string
}

func (d *Driver) runRace(ctx context.Context) error {
	writers := [2]clients{d.newClients(), d.newClients()}
	defer writers[0].Close()
	defer writers[1].Close()
	for round := range rounds {
		var first, again [2]told
		err := d.meet(ctx, &writers, round, &first)
		if err == nil {
			err = d.meet(ctx, &writers, round, &again)
		}
		if err != nil {
			return fmt.Errorf("round %d of the race: %w", round, err)
		}
		winner, loser := 0, 1
		if first[0].status != 200 {
			winner, loser = 1, 0
		}
		if first[winner].status != 200 || first[loser].status != 412 {
			d.race.wrong.add("in round %d the writers were told %d and %d", round, first[0].status, first[1].status)
			return nil // the versions would not fit any more
		}
		if again[winner] != first[winner] || again[loser].status != 412 {
			d.race.wrong.add("in round %d the winner was told %s and then %d %s, the loser %d", round, first[winner].body, again[winner].status, again[winner].body, again[loser].status)
		}
		d.race.rounds++
	}
	return nil
}

// meet sends both changes at once, each to its process.
func (d *Driver) meet(ctx context.Context, writers *[2]clients, round int, answers *[2]told) error {
	var (
		both sync.WaitGroup
		errs [2]error
	)
	for i := range writers {
		both.Go(func() {
			key := fmt.Sprintf("%s-race-%d-%d", d.run, round, i)
			request, err := d.request(write{
				key: key, method: "PUT", path: "/api/items/" + d.race.item, version: int64(round) + 1,
				draft: &draft{Name: "Race", Description: by(key), Price: int64(i)},
			})
			if err == nil {
				c := &writers[i]
				err = c.Conns[i%len(c.Conns)].Do(ctx, request, &c.Resp)
				answers[i] = told{status: c.Resp.Status, body: string(c.Resp.Body)}
			}
			errs[i] = err
		})
	}
	both.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
