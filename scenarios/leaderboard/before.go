package leaderboard

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/redis/go-redis/v9"
	"github.com/valyala/fasthttp"

	"github.com/provingground/provingground/pkg/role"
)

// RunBefore serves the board as most begin: every read asks Redis and encodes
// the answer. It is the other half of the comparison, not a part of the service:
// it has no truth of its own, no ETags, and nothing to say when Redis is away.
func RunBefore(ctx context.Context, addr, adminAddr string, drain time.Duration, client *redis.Client, log *slog.Logger) error {
	m := newMetrics()
	client.AddHook(countCommands{m.commands})
	b := &before{client: client, api: &API{admit: newAdmission(1e9), metrics: m, log: log}}
	metrics := http.NewServeMux()
	metrics.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	server := b.api.server()
	server.Handler = b.handle
	listeners, err := role.Listen(
		role.Listener{Purpose: "the board", Addr: addr, Server: server},
		role.Listener{Purpose: "administration", Addr: adminAddr, Server: &http.Server{Handler: metrics, ReadHeaderTimeout: 5 * time.Second}},
	)
	if err != nil {
		return err
	}
	return listeners.Serve(ctx, drain, b.api.SetReady)
}

// before answers reads, each with its own query.
type before struct {
	client *redis.Client
	api    *API
}

func (b *before) handle(ctx *fasthttp.RequestCtx) {
	path := string(ctx.Path())
	n, isPage := pageNumber([]byte(path))
	player, isPlayer := strings.CutPrefix(path, "/api/players/")
	switch {
	case isPage:
		b.answer(ctx, "page", func(ctx context.Context) (any, error) { return b.page(ctx, n) })
	case isPlayer:
		b.answer(ctx, "player", func(ctx context.Context) (any, error) { return b.player(ctx, player) })
	case path == "/healthz", path == "/readyz" && b.api.serving.Load():
		ctx.SetBodyString("ok\n")
	case path == "/readyz":
		ctx.Error("starting or draining\n", http.StatusServiceUnavailable)
	default:
		b.api.fail(ctx, "other", ErrNotFound)
	}
}

func (b *before) answer(ctx *fasthttp.RequestCtx, request string, ask func(context.Context) (any, error)) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	body, err := ask(limited)
	if err != nil {
		b.api.fail(ctx, request, err)
		return
	}
	ctx.Response.Header.Set("Cache-Control", "no-store")
	b.api.answer(ctx, request, http.StatusOK, body)
}

func (b *before) page(ctx context.Context, n int) (Page, error) {
	first := int64(n-1) * PageSize
	entries, err := b.entries(ctx, first, first+PageSize-1)
	return Page{Page: n, Pages: Pages, Entries: entries}, err
}

func (b *before) player(ctx context.Context, player string) (Standing, error) {
	rank, err := b.client.ZRevRank(ctx, rankKey, player).Result()
	if errors.Is(err, redis.Nil) {
		return Standing{}, ErrNotFound
	}
	if err != nil {
		return Standing{}, err
	}
	near, err := b.entries(ctx, max(rank-span, 0), rank+span)
	if err != nil {
		return Standing{}, err
	}
	a := standingOf(player, near, 0)
	return a.standing, a.err
}

func (b *before) entries(ctx context.Context, first, last int64) ([]Entry, error) {
	found, err := b.client.ZRevRangeWithScores(ctx, rankKey, first, last).Result()
	if err != nil || len(found) == 0 {
		return []Entry{}, err
	}
	entries := make([]Entry, len(found))
	players := make([]string, len(found))
	for i, z := range found {
		players[i], _ = z.Member.(string)
		score, _ := unweigh(int64(z.Score))
		entries[i] = Entry{Rank: first + int64(i) + 1, Player: players[i], Score: score}
	}
	names, err := b.client.HMGet(ctx, playersKey, players...).Result()
	if err != nil {
		return nil, err
	}
	for i := range entries {
		entries[i].Name, _ = names[i].(string)
	}
	return entries, nil
}
