package checkout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/machine"
	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/loadtest/trial"
)

const (
	shoppers = 500
	arriving = 5 * time.Second // all of them
	thinking = time.Second
	asking   = 390 // checkouts/s of shoppers who think and wait for the provider's 283 ms on average
)

// half is what one of the two systems did.
type half struct {
	asked, failed int64
	how           string // by status, or kind
	done          int    // orders that are paid
	forgotten     int    // orders that were charged and are not there
	p99           time.Duration
	processor     string          // what of it was used
	platform      string          // what the Lambda host did
	servers       []report.Sample // connections of the application, ten looks a second
	schema        string
}

// Compare implements [trial.Baseline]: 500 shoppers on the system as it was, then on
// the one that is.
func (d *Driver) Compare(ctx context.Context) ([]report.Contrast, error) {
	was, err := d.shop(ctx, "before")
	if err != nil {
		return nil, err
	}
	e, err := d.look(ctx)
	if err != nil {
		return nil, err
	}
	d.lost = map[string]bool{}
	for _, id := range e.strangers {
		d.lost[id] = true
	}
	was.forgotten = len(d.lost)
	is, err := d.shop(ctx, "checkout")
	if err != nil {
		return nil, err
	}
	if e, err = d.look(ctx); err != nil {
		return nil, err
	}
	is.forgotten = len(e.strangers)
	d.servers.forget() // they were those of both systems
	share := func(h half) string {
		return fmt.Sprintf("%.1f %% (%d of %d)", 100*float64(h.failed)/float64(max(1, h.asked)), h.failed, h.asked)
	}
	d.halves = []half{was, is}
	ms := func(t time.Duration) string { return t.Round(time.Millisecond).String() }
	return []report.Contrast{
		{Name: "checkouts that failed", Before: share(was), After: share(is), Note: "of all kinds; " + fmt.Sprintf("%d shoppers thinking %v, for %v", shoppers, thinking, d.setup.Duration)},
		{Name: "how they failed", Before: was.how, After: is.how},
		{Name: "orders paid", Before: fmt.Sprint(was.done), After: fmt.Sprint(is.done), Note: fmt.Sprintf("%.2f times as many", float64(is.done)/float64(max(1, was.done)))},
		{Name: "environments", Before: was.platform, After: is.platform, Note: "of the function that sells"},
		{Name: "charged without an order", Before: fmt.Sprint(was.forgotten), After: fmt.Sprint(is.forgotten), Note: "cards, once nothing was under way any more"},
		{Name: "processor", Before: was.processor, After: is.processor, Note: fmt.Sprintf("for a checkout, generator included; shoppers who wait for nothing but the provider ask for %d/s", asking)},
		{Name: "own p99", Before: ms(was.p99), After: ms(is.p99), Note: "of what was answered well, without the provider's time"},
		{
			Name: "server connections", Before: fmt.Sprint(highest(was.servers)), After: fmt.Sprint(highest(is.servers)), Note: "the most in pg_stat_activity, ten looks a second",
			Course: &report.Course{Before: was.servers, After: is.servers},
		},
		{Name: "schema", Before: was.schema, After: is.schema, Note: "SHA-256 of all columns and constraints, read from the database after each half"},
	}, nil
}

// shop puts the shoppers on one role.
func (d *Driver) shop(ctx context.Context, role string) (h half, err error) {
	self := machine.Process{Name: "loadtest", Group: machine.Generator, PID: os.Getpid()}
	idle, err := machine.Take(self)
	if err != nil {
		return h, err
	}
	before := d.setup.Scrape(ctx)
	sampling, stop := context.WithCancel(ctx)
	var servers sampler
	var looking sync.WaitGroup
	looking.Go(func() { servers.run(sampling, d.setup.Env()["DATABASE_URL"]) })
	var mu sync.Mutex
	var without []time.Duration
	result, err := engine.Run(ctx, engine.Options{Settle: 10 * time.Second}, engine.Flow{
		Name:   role,
		Closed: &engine.ClosedLoop{Users: shoppers, Arrive: arriving, Think: thinking, Duration: d.setup.Duration, Seed: 1},
		New: func(int) (engine.Sender, error) {
			s := d.newShopper(role, "compare-"+role)
			s.heardBack = func(took, paying time.Duration) {
				mu.Lock()
				defer mu.Unlock()
				without = append(without, took-paying)
			}
			return s, nil
		},
	})
	stop()
	looking.Wait()
	h.servers = servers.course()
	h.platform = platform(role, before, d.setup.Scrape(ctx))
	if err != nil {
		return h, err
	}
	used, err := machine.Take(self)
	if err != nil {
		return h, err
	}
	f := result.Flows[0].Measured
	h.processor = processor(machine.Between(idle, used), f.Sent)
	h.asked, h.failed = f.Sent, f.Sent-f.Kinds[engine.OK]
	h.how = how(f)
	h.p99 = quantile(without, 0.99)
	return h, errors.Join(d.released(ctx), d.after(ctx, role, &h))
}

// processor says how much of the cores was used, and by what this run started for a
// checkout: what the cores have, divided by that, is the most that they carry.
func processor(u machine.Usage, checkouts int64) string {
	cores := time.Duration(runtime.NumCPU())
	each := time.Duration(float64(u.Window*cores)*(u.Generator+u.Roles+u.Servers)) / time.Duration(max(1, checkouts))
	return fmt.Sprintf("%.0f %% of %d cores, %.1f ms each", 100*u.Busy, cores, float64(each)/float64(time.Millisecond))
}

// platform says what the Lambda host did between two looks.
func platform(role string, before, after trial.Metrics) string {
	since := func(what string) float64 {
		name := "checkout_" + role + "_lambda_" + what
		return after[name] - before[name]
	}
	return fmt.Sprintf("%.0f cold starts, %.0f throttled", since("cold_starts_total"), since("throttled_total"))
}

// how counts what failed by status, and by kind what had none.
func how(c engine.Counts) string {
	var all []string
	for _, status := range slices.Sorted(maps.Keys(c.Statuses)) {
		if status >= 300 {
			all = append(all, fmt.Sprintf("%d × %d", c.Statuses[status], status))
		}
	}
	for k := engine.Unknown; k <= engine.Canceled; k++ {
		if n := c.Kinds[k]; n > 0 && k != engine.OK && k != engine.Status && k != engine.Refused {
			all = append(all, fmt.Sprintf("%d × %s", n, k))
		}
	}
	if len(all) == 0 {
		return "–"
	}
	return strings.Join(all, ", ")
}

// released waits until the environments with connections of their own have ended,
// and whatever they were doing with them.
func (d *Driver) released(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, d.setup.Env()["DATABASE_URL"])
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for end := time.Now().Add(time.Minute); ; {
		n := 0
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'checkout-direct'").Scan(&n); err != nil || n == 0 {
			return err
		}
		if time.Now().After(end) || !sleep(ctx, 200*time.Millisecond) {
			return fmt.Errorf("%d connections of the system as it was are still open", n)
		}
	}
}

// after waits until nothing is pending or queued, counts the paid orders of the half
// and reads the schema.
func (d *Driver) after(ctx context.Context, role string, h *half) error {
	conn, err := pgx.Connect(ctx, d.setup.Env()["DATABASE_URL"])
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for end := time.Now().Add(time.Minute); ; {
		all, left := 0, 0
		err := conn.QueryRow(ctx, "SELECT count(*), count(*) FILTER (WHERE state = 'paid'), count(*) FILTER (WHERE state = 'pending') FROM checkout.orders WHERE customer LIKE $1",
			"c"+d.run+"-compare-"+role+"-%").Scan(&all, &h.done, &left)
		if err != nil {
			return err
		}
		there := role == "before" || int64(all) >= h.asked-h.failed // as it was, it keeps no order that was refused
		if there && left == 0 || time.Now().After(end) || !sleep(ctx, 500*time.Millisecond) {
			break
		}
	}
	var text string
	err = conn.QueryRow(ctx, `SELECT coalesce(string_agg(line, E'\n' ORDER BY line), '') FROM (
	SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') AS line
	FROM information_schema.columns WHERE table_schema = 'checkout'
	UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'checkout'::regnamespace
	UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'checkout') AS all_of_it`).Scan(&text)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(text))
	h.schema = hex.EncodeToString(sum[:8])
	return nil
}
