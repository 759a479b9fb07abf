package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/http1"
)

// asker sends one request again and again.
type asker struct {
	worker  *worker
	request []byte
	client  http1.Client
	resp    http1.Response
}

// Send implements [engine.Sender].
func (a *asker) Send(ctx context.Context, _ int64) engine.Outcome {
	a.client.Addr = a.worker.addr
	return outcome(a.client.Do(ctx, a.request, &a.resp), &a.resp)
}

// Close implements [engine.Sender].
func (a *asker) Close() error { return a.client.Close() }

func outcome(err error, resp *http1.Response) engine.Outcome {
	switch {
	case err != nil:
		return engine.Outcome{Kind: engine.KindOf(err)}
	case resp.Status != http.StatusOK:
		return engine.Outcome{Kind: engine.Status, Status: resp.Status}
	}
	return engine.Outcome{Kind: engine.OK, Status: resp.Status}
}

// changer changes an item of its own, version by version.
type changer struct {
	worker  *worker
	id      string
	version int64
	client  http1.Client
	resp    http1.Response
}

// Send implements [engine.Sender].
func (c *changer) Send(ctx context.Context, k int64) engine.Outcome {
	c.client.Addr = c.worker.addr
	if c.version == 0 {
		if out := c.look(ctx); out.Kind != engine.OK {
			return out
		}
	}
	body := fmt.Appendf(nil, `{"name":"Item %s","description":"Changed by the benchmark","price":%d,"cost":410}`, c.id, k)
	request, err := http1.NewRequest("PUT", "/api/items/"+c.id, "edge", body,
		http1.Field{Name: "Authorization", Value: "Bearer " + benchToken},
		http1.Field{Name: "Content-Type", Value: "application/json"},
		http1.Field{Name: "Idempotency-Key", Value: fmt.Sprintf("%s-%d", c.id, c.version)},
		http1.Field{Name: "If-Match", Value: strconv.Quote(strconv.FormatInt(c.version, 10))})
	if err != nil {
		return engine.Outcome{Kind: engine.Unknown}
	}
	out := outcome(c.client.Do(ctx, request, &c.resp), &c.resp)
	if out.Kind == engine.OK {
		c.version++
	}
	return out
}

// look reads the version that the last measurement left.
func (c *changer) look(ctx context.Context) engine.Outcome {
	request := fmt.Appendf(nil, "GET /api/items/%s HTTP/1.1\r\nHost: edge\r\nCache-Control: no-cache\r\n\r\n", c.id)
	out := outcome(c.client.Do(ctx, request, &c.resp), &c.resp)
	if out.Kind != engine.OK {
		return out
	}
	version, err := strconv.ParseInt(strings.Trim(string(c.resp.Header("ETag")), `"`), 10, 64)
	if err != nil {
		return engine.Outcome{Kind: engine.Body}
	}
	c.version = version
	return out
}

// Close implements [engine.Sender].
func (c *changer) Close() error { return c.client.Close() }
