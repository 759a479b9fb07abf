// Command worker is the Worker of the counter and the chat room, with both classes
// of objects.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"github.com/provingground/provingground/pkg/edge"
	"github.com/provingground/provingground/pkg/edge/durable"
	"github.com/provingground/provingground/pkg/edge/kv"
	"github.com/provingground/provingground/scenarios/edgeroom"
)

func main() {
	fmt.Fprintln(os.Stderr, "worker:", run(edge.Env))
	os.Exit(2)
}

// run serves what the environment says. It returns only with an error.
func run(env func(string) string) error {
	admit, err := strconv.ParseFloat(env("ADMIT_PER_SECOND"), 64)
	if err != nil {
		return fmt.Errorf("ADMIT_PER_SECOND: %w", err)
	}
	w := &edgeroom.Worker{
		Counters: durable.Namespace{Binding: "COUNTERS"},
		Rooms:    durable.Namespace{Binding: "ROOMS"},
		Settings: &edgeroom.Remembering{Store: edgeroom.KV{Namespace: kv.Namespace{Binding: "SETTINGS"}}, Now: time.Now},
		Token:    env("WRITE_TOKEN"),
		Kill:     env("KILL") == "on",
		Log:      slog.New(edge.NewLogHandler(nil)),
	}
	return edge.Serve(edge.App{
		Handler: w.Handler(),
		Objects: map[string]durable.New{"Counter": counter(admit), "Room": room},
	})
}

// counter makes counters that admit so many increments per second, a fifth of them at
// once; 0 is all.
func counter(perSecond float64) durable.New {
	return func(ctx context.Context, s *durable.State) (http.Handler, error) {
		c := &edgeroom.Counter{DB: s, Now: time.Now, Pause: edge.Sleep}
		if perSecond > 0 {
			c.Admit = rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/5))).Allow
		}
		return edgeroom.Killable(s, c.Handler()), c.Open(ctx)
	}
}

// chat is a room with its handler.
type chat struct {
	*edgeroom.Room
	http.Handler
}

func room(ctx context.Context, s *durable.State) (http.Handler, error) {
	r := &edgeroom.Room{DB: s, Wire: s, Now: time.Now}
	return chat{r, edgeroom.Killable(s, r.Handler())}, r.Open(ctx)
}
