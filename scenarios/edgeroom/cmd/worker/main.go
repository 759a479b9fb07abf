// Command worker is the Worker of the counter and the chat room, with both classes
// of objects.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/provingground/provingground/pkg/edge"
	"github.com/provingground/provingground/pkg/edge/durable"
	"github.com/provingground/provingground/pkg/edge/kv"
	"github.com/provingground/provingground/scenarios/edgeroom"
)

func main() {
	w := &edgeroom.Worker{
		Counters: durable.Namespace{Binding: "COUNTERS"},
		Rooms:    durable.Namespace{Binding: "ROOMS"},
		Settings: edgeroom.KV{Namespace: kv.Namespace{Binding: "SETTINGS"}},
		Token:    edge.Env("WRITE_TOKEN"),
		Log:      slog.New(edge.NewLogHandler(nil)),
	}
	err := edge.Serve(edge.App{
		Handler: w.Handler(),
		Objects: map[string]durable.New{"Counter": counter, "Room": room},
	})
	fmt.Fprintln(os.Stderr, "worker:", err)
	os.Exit(2)
}

func counter(ctx context.Context, s *durable.State) (http.Handler, error) {
	c := &edgeroom.Counter{DB: s, Now: time.Now, Pause: edge.Sleep}
	return c.Handler(), c.Open(ctx)
}

// chat is a room with its handler.
type chat struct {
	*edgeroom.Room
	http.Handler
}

func room(ctx context.Context, s *durable.State) (http.Handler, error) {
	r := &edgeroom.Room{DB: s, Wire: s, Now: time.Now}
	return chat{r, r.Handler()}, r.Open(ctx)
}
