package pubsubdlq

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/types/known/timestamppb"

	"cloud.google.com/go/pubsub/v2"

	"github.com/provingground/provingground/loadtest/report"
)

// throughput is healthy events charged per second, out of a backlog.
type throughput struct{ clean, poisoned float64 }

const (
	keyed      = 3000 // events behind the poisoned one of a key
	slowOnes   = 150  // more than a process holds at once
	healthyNow = 1000 // events of others meanwhile
	batches    = 100  // accounts in a measured backlog
)

// stallTime is how long healthy events may take behind poison.
func (d *Driver) stallTime() time.Duration {
	return min(10*time.Second, max(3*time.Second, d.setup.Duration/6))
}

// site is one of the two systems.
type site struct{ role, topic, schema string }

// Compare implements [trial.Baseline]: both stalls on the system as it was and as it
// is, and then what poison costs the latter.
func (d *Driver) Compare(ctx context.Context) ([]report.Contrast, error) {
	was, is := site{"before", "pubsubdlq-before", "pubsubdlq_before"}, site{"subscriber", "pubsubdlq-events", "pubsubdlq"}
	client, err := d.client(ctx)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	db, err := pgx.Connect(ctx, d.setup.Env()["DATABASE_URL"])
	if err != nil {
		return nil, err
	}
	defer db.Close(ctx)
	c := &comparison{d: d, client: client, db: db}
	rows := []report.Contrast{}
	for _, stall := range []func(context.Context, site) (string, string, error){c.key, c.slow} {
		name, before, err := stall(ctx, was)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", was.role, err)
		}
		if err := c.purge(ctx, was); err != nil { // it would go on for ever
			return nil, err
		}
		_, after, err := stall(ctx, is)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", is.role, err)
		}
		rows = append(rows, report.Contrast{Name: name, Before: before, After: after, Note: fmt.Sprintf("charged %v after the poison", d.stallTime())})
	}
	if err := c.buried(ctx); err != nil {
		return nil, err
	}
	if d.measured, err = c.throughput(ctx, is); err != nil {
		return nil, err
	}
	if err := c.buried(ctx); err != nil {
		return nil, err
	}
	return append(rows, report.Contrast{
		Name: "drained with 1 % poison", Before: "–", After: fmt.Sprintf("%.0f/s", d.measured.poisoned),
		Note: fmt.Sprintf("healthy events, out of a backlog; without poison %.0f/s; the system as it was stands still", d.measured.clean),
	}), nil
}

// comparison publishes past the API: what is measured is the other end.
type comparison struct {
	d      *Driver
	client *pubsub.Client
	db     *pgx.Conn
	n      int // events so far
	poison int // of those, sent to the system as it is
}

// message returns the next event about an account.
func (c *comparison) message(part, account string, of kind) *pubsubpb.PubsubMessage {
	c.n++
	if of != wholesome && !strings.HasSuffix(part, "before") {
		c.poison++
	}
	var request struct {
		Version int
		Data    json.RawMessage
	}
	request.Version = 1
	if err := json.Unmarshal([]byte(body(account, of, 1)), &request); err != nil {
		panic(err) // ours
	}
	return &pubsubpb.PubsubMessage{
		Data: request.Data, OrderingKey: account,
		Attributes: map[string]string{
			"ce-id": fmt.Sprintf("%s-compare-%s-%d", c.d.run, part, c.n), "ce-type": "usage.recorded", "ce-schemaversion": strconv.Itoa(request.Version),
		},
	}
}

// publish sends messages of one account, a thousand at a time.
func (c *comparison) publish(ctx context.Context, topic string, all []*pubsubpb.PubsubMessage) error {
	name := "projects/" + c.client.Project() + "/topics/" + topic
	for some := range slices.Chunk(all, 1000) {
		if _, err := c.client.TopicAdminClient.Publish(ctx, &pubsubpb.PublishRequest{Topic: name, Messages: some}); err != nil {
			return fmt.Errorf("publish to %s: %w", topic, err)
		}
	}
	return nil
}

// purge drops what a system is not done with: its next stall is shown alone, and
// nothing of it costs the other.
func (c *comparison) purge(ctx context.Context, s site) error {
	_, err := c.client.SubscriptionAdminClient.Seek(ctx, &pubsubpb.SeekRequest{
		Subscription: "projects/" + c.client.Project() + "/subscriptions/" + s.topic, // of the same name
		Target:       &pubsubpb.SeekRequest_Time{Time: timestamppb.New(time.Now().Add(time.Hour))},
	})
	return err
}

// buried waits until all poison so far is among the dead letters.
func (c *comparison) buried(ctx context.Context) error {
	for end := time.Now().Add(2 * time.Minute); ; {
		n := 0
		err := c.db.QueryRow(ctx, "SELECT count(*) FROM pubsubdlq.dead_letters WHERE event LIKE $1", c.d.run+"-compare-%").Scan(&n)
		if err != nil || n >= c.poison {
			return err
		}
		if time.Now().After(end) || !sleep(ctx, 200*time.Millisecond) {
			return fmt.Errorf("%d of %d poisoned events were buried in two minutes", n, c.poison)
		}
	}
}

// charged counts the healthy events of a part, and says when the last was charged.
func (c *comparison) charged(ctx context.Context, s site, part string) (n int, last time.Time, err error) {
	var at *time.Time
	err = c.db.QueryRow(ctx, "SELECT count(*), max(charged_at) FROM "+s.schema+".charges WHERE event LIKE $1", c.d.run+"-compare-"+part+"-%").Scan(&n, &at)
	if at != nil {
		last = *at
	}
	return n, last, err
}

// key puts one poisoned event before many healthy ones of the same account.
func (c *comparison) key(ctx context.Context, s site) (name, value string, err error) {
	part, account := "key-"+s.role, fmt.Sprintf("r%s-a-0", c.d.run)
	all := []*pubsubpb.PubsubMessage{c.message(part, account, malformed)}
	for range keyed {
		all = append(all, c.message(part, account, wholesome))
	}
	n, err := c.stalled(ctx, s, part, all, nil, keyed)
	return "events behind poison of their key", fmt.Sprintf("%d of %d", n, keyed), err
}

// slow puts many that never end before healthy ones of other accounts.
func (c *comparison) slow(ctx context.Context, s site) (name, value string, err error) {
	part := "slow-" + s.role
	var first, then [][]*pubsubpb.PubsubMessage
	for i := range slowOnes {
		first = append(first, []*pubsubpb.PubsubMessage{c.message(part, fmt.Sprintf("r%s-slow-%d", c.d.run, i), slow)})
	}
	for i := range healthyNow {
		then = append(then, []*pubsubpb.PubsubMessage{c.message(part, fmt.Sprintf("r%s-a-%d", c.d.run, 1+i%(c.d.setup.Records-1)), wholesome)})
	}
	if err := c.publishAll(ctx, s, first); err != nil {
		return "", "", err
	}
	sleep(ctx, time.Second) // they are delivered
	n, err := c.stalled(ctx, s, part, nil, then, healthyNow)
	return "events of others behind slow poison", fmt.Sprintf("%d of %d", n, healthyNow), err
}

func (c *comparison) publishAll(ctx context.Context, s site, each [][]*pubsubpb.PubsubMessage) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for _, messages := range each {
		group.Go(func() error { return c.publish(ctx, s.topic, messages) })
	}
	return group.Wait()
}

// stalled publishes and says how many were charged when its time was over, or all were.
func (c *comparison) stalled(ctx context.Context, s site, part string, one []*pubsubpb.PubsubMessage, many [][]*pubsubpb.PubsubMessage, want int) (n int, err error) {
	if err := c.publish(ctx, s.topic, one); err != nil {
		return 0, err
	}
	if err := c.publishAll(ctx, s, many); err != nil {
		return 0, err
	}
	for end := time.Now().Add(c.d.stallTime()); ; {
		if n, _, err = c.charged(ctx, s, part); err != nil || n >= want || time.Now().After(end) || !sleep(ctx, 200*time.Millisecond) {
			return n, err
		}
	}
}

// throughput drains backlogs without poison and with, twice each, in an order that
// gives neither the emptier tables.
func (c *comparison) throughput(ctx context.Context, s site) (t throughput, err error) {
	for round, poison := range []bool{false, true, true, false} {
		rate, err := c.drain(ctx, s, fmt.Sprintf("drain-%d", round), poison)
		if err != nil {
			return t, err
		}
		if poison {
			t.poisoned += rate / 2
		} else {
			t.clean += rate / 2
		}
	}
	return t, nil
}

// drain returns how many healthy events per second were charged out of a backlog.
func (c *comparison) drain(ctx context.Context, s site, part string, poison bool) (float64, error) {
	perAccount := max(10, int(c.d.setup.Rate)/10)
	var all [][]*pubsubpb.PubsubMessage
	for a := range batches {
		var messages []*pubsubpb.PubsubMessage
		for range perAccount {
			messages = append(messages, c.message(part, fmt.Sprintf("r%s-a-%d", c.d.run, 1+a%(c.d.setup.Records-1)), wholesome))
		}
		all = append(all, messages)
	}
	if poison {
		for i := range batches * perAccount / poisonOf {
			of := 1 + kind(i%int(kinds-1))
			account := fmt.Sprintf("r%s-a-%d", c.d.run, 1+i%batches)
			if name, ok := bad()[of]; ok {
				account = fmt.Sprintf("r%s-%s-%d", c.d.run, name, i%badOfAKind)
			}
			all = slices.Insert(all, i*len(all)/(batches*perAccount/poisonOf), []*pubsubpb.PubsubMessage{c.message(part, account, of)})
		}
	}
	begin := time.Now()
	if err := c.publishAll(ctx, s, all); err != nil {
		return 0, err
	}
	for end := time.Now().Add(time.Minute); ; {
		n, last, err := c.charged(ctx, s, part)
		if err != nil {
			return 0, err
		}
		if n == batches*perAccount {
			return float64(n) / last.Sub(begin).Seconds(), nil
		}
		if time.Now().After(end) || !sleep(ctx, 100*time.Millisecond) {
			return 0, fmt.Errorf("%d of %d events of a backlog were charged in a minute", n, batches*perAccount)
		}
	}
}
