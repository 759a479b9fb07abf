//go:build unix

package detour_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/loadtest/faults"
	"github.com/provingground/provingground/loadtest/faults/detour"
	"github.com/provingground/provingground/loadtest/faults/proxy"
)

func TestATimelineSwitchesFaultsAndLinks(t *testing.T) {
	set := servertest.Start(t, "redis")
	d := start(t, set)
	client, err := redisClient(d.Env()["REDIS_URL"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	lost, err := d.Switch("redis", proxy.Fault{On: proxy.Match{Operation: "SET"}, Effect: proxy.LoseAnswer()})
	if err != nil {
		t.Fatal(err)
	}
	works := func(want bool) func(context.Context) error {
		return func(ctx context.Context) error {
			if err := client.Set(ctx, "key", "value", 0).Err(); (err == nil) != want {
				return errors.Join(err, errors.New("the command ended otherwise than it should"))
			}
			return nil
		}
	}
	marks, err := faults.Run(t.Context(), time.Now(), []faults.Step{
		{Name: "healthy", Do: works(true)},
		{Name: "answers are lost", Do: lost.On},
		{Name: "lost", Do: works(false)},
		{Name: "answers arrive", Do: lost.Off},
		{Name: "healthy", Do: works(true)},
		{Name: "the wire is cut", Do: d.Link("redis", proxy.Link{Down: true})},
		{Name: "cut", Do: works(false)},
		{Name: "the wire is whole", Do: d.Link("redis", proxy.Link{})},
		{Name: "healthy", Do: works(true)},
	})
	if err != nil || len(marks) != 9 || lost.Hits() != 1 {
		t.Errorf("%d steps, %d hits, %v", len(marks), lost.Hits(), err)
	}
}

func TestFaultsNeedAProxy(t *testing.T) {
	d := start(t, servertest.Start(t, "redis"))
	if _, err := d.Switch("dynamodb", proxy.Fault{}); err == nil {
		t.Error("a fault before a server without a proxy was accepted")
	}
	if err := d.Link("dynamodb", proxy.Link{})(t.Context()); err == nil {
		t.Error("a wire without a proxy was changed")
	}
	if _, err := d.KillAt(detour.Step{Server: "dynamodb"}, proxy.Before, func() error { return nil }); err == nil {
		t.Error("a kill at a server without a proxy was accepted")
	}
}
