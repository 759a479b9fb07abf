package edge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/provingground/provingground/pkg/edge/durable"
	"github.com/provingground/provingground/pkg/edge/internal/host"
	"github.com/provingground/provingground/pkg/edge/internal/web"
	"github.com/provingground/provingground/pkg/edge/queue"
)

// dispatcher hands events to the App.
type dispatcher struct {
	app     App
	objects *durable.Host
}

func (d *dispatcher) handle(e *host.Event) {
	ctx := e.Context()
	switch e.Kind {
	case "fetch":
		web.Serve(ctx, e, d.handler(), e.Args)
		return
	case "object.fetch":
		d.fetchObject(ctx, e)
		return
	}
	defer e.End()
	v, err := d.answer(ctx, e)
	if err != nil {
		e.Fail(err)
		return
	}
	e.Reply(v)
}

func (d *dispatcher) handler() http.Handler {
	if d.app.Handler == nil {
		return http.NotFoundHandler()
	}
	return d.app.Handler
}

// fetchObject lets a Durable Object answer its request.
func (d *dispatcher) fetchObject(ctx context.Context, e *host.Event) {
	h, args, err := d.objects.Fetch(e.Args)
	if err != nil {
		e.Fail(err)
		e.End()
		return
	}
	web.Serve(ctx, e, h, args)
}

// answer runs what is not a request; a panic is its error.
func (d *dispatcher) answer(ctx context.Context, e *host.Event) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("edge: panic in %s: %v", e.Kind, p)
			_, _ = host.Global("log", "error", fmt.Sprintf("%v\n%s", err, debug.Stack()))
		}
	}()
	switch {
	case strings.HasPrefix(e.Kind, "object."):
		return nil, d.objects.Answer(ctx, e.Kind, e.Args)
	case e.Kind == "queue" && d.app.Queue != nil:
		return queue.Consume(ctx, e.Args, d.app.Queue)
	case e.Kind == "scheduled" && d.app.Scheduled != nil && len(e.Args) == 2:
		cron, _ := e.Args[0].(string)
		return nil, d.app.Scheduled(ctx, cron, time.UnixMilli(int64(web.Int(e.Args[1]))))
	}
	return nil, errors.New("edge: the App has no handler for a " + e.Kind + " event")
}
