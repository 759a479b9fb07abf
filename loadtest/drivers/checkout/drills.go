package checkout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// Drill implements [trial.Driver].
func (d *Driver) Drill(drill scenarios.Drill) (*trial.Drill, error) {
	begin := d.setup.FaultBegins()
	end := begin + drill.Lasts
	recovered := func(o trial.Observed) []judge.Check {
		return []judge.Check{judge.NoErrors(o.Main()), o.Recovered()}
	}
	switch drill.Name {
	case "pooler-killed", "postgres-restarted":
		name := map[string]string{"pooler-killed": "pgbouncer", "postgres-restarted": "postgres"}[drill.Name]
		victim := d.setup.Stack.Servers.Get(name)
		return &trial.Drill{
			Steps: []faults.Step{
				{At: begin, Name: name + " is killed", Do: func(context.Context) error { return victim.Kill() }},
				{At: end, Name: "it is back", Do: victim.Restart},
			},
			Judge: recovered,
		}, nil
	case "deadlocks":
		return d.deadlocks(begin, end), nil
	case "provider-slow":
		return d.manners(begin, end, "the provider takes ten times as long", `{"median_ms":2500,"p99_ms":8000,"decline_one_in":50}`, recovered), nil
	case "provider-silent":
		return d.manners(begin, end, "half of the charges are made and not answered", `{"median_ms":250,"p99_ms":800,"decline_one_in":50,"silent":0.5}`, recovered), nil
	}
	return nil, fmt.Errorf("unknown drill %q", drill.Name)
}

// manners changes how the provider behaves, and back.
func (d *Driver) manners(begin, end time.Duration, what, manners string, then func(trial.Observed) []judge.Check) *trial.Drill {
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: what, Do: func(ctx context.Context) error { return d.setManners(ctx, manners) }},
			{At: end, Name: "it is as before", Do: func(ctx context.Context) error {
				return d.setManners(ctx, `{"median_ms":250,"p99_ms":800,"decline_one_in":50}`)
			}},
		},
		Judge: then,
	}
}

func (d *Driver) setManners(ctx context.Context, manners string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, d.setup.AdminURLs("payments")[0]+"/admin/manners", bytes.NewReader([]byte(manners)))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("manners of the provider: %s", resp.Status)
	}
	return nil
}

// deadlocks sends everybody after two products, and lets a report lock them in the
// order that nobody else does.
func (d *Driver) deadlocks(begin, end time.Duration) *trial.Drill {
	var reporting sync.WaitGroup
	var stop context.CancelFunc = func() {}
	counted := [2]int64{}
	return &trial.Drill{
		Steps: []faults.Step{
			{At: begin, Name: "everybody buys two products, and a report locks them in the wrong order", Do: func(ctx context.Context) (err error) {
				d.hot.Store(true)
				if counted[0], err = d.deadlocked(ctx); err != nil {
					return err
				}
				var reportCtx context.Context
				reportCtx, stop = context.WithCancel(ctx)
				reporting.Go(func() { d.report(reportCtx) })
				return nil
			}},
			{At: end, Name: "the report is over", Do: func(ctx context.Context) (err error) {
				stop()
				reporting.Wait()
				d.hot.Store(false)
				counted[1], err = d.deadlocked(ctx)
				return err
			}},
		},
		Judge: func(o trial.Observed) []judge.Check {
			n := counted[1] - counted[0]
			return []judge.Check{judge.Checkf("deadlocks", n > 0, "PostgreSQL broke %d deadlocks", n), judge.NoErrors(o.Main()), o.Recovered()}
		},
	}
}

// report holds the second product and wants the first, again and again. It waits for
// longer than others do for a deadlock to be found, so that they are its victims.
func (d *Driver) report(ctx context.Context) {
	for ctx.Err() == nil {
		if err := d.lockWrongly(ctx); err != nil && !errors.Is(err, context.Canceled) {
			sleep(ctx, 100*time.Millisecond) // it was the victim itself
		}
		sleep(ctx, 200*time.Millisecond)
	}
}

func (d *Driver) lockWrongly(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, d.setup.Env()["DATABASE_URL"])
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "SET deadlock_timeout = '5s'"); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, product := range []string{d.product(1), d.product(0)} {
			if _, err := tx.Exec(ctx, "SELECT FROM checkout.products WHERE id = $1 FOR UPDATE", product); err != nil {
				return err
			}
			sleep(ctx, 50*time.Millisecond)
		}
		return nil
	})
}

// deadlocked is how many deadlocks the server has broken.
func (d *Driver) deadlocked(ctx context.Context) (n int64, err error) {
	conn, err := pgx.Connect(ctx, d.setup.Env()["DATABASE_URL"])
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&n)
	return n, err
}
