package leaderboard

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/redis/go-redis/v9"

	"github.com/provingground/provingground/pkg/role"
)

// Config is what an api process needs to know.
type Config struct {
	Addr, AdminAddr string
	Players, Keys   string        // DynamoDB tables
	Admit           float64       // requests per second that this process takes on
	AdminToken      string        // for the administration listener
	DrainDelay      time.Duration // from unready until the listener closes: longer than the balancer's check
}

// Clients are the connections to the stores.
type Clients struct {
	DynamoDB *dynamodb.Client
	Streams  *dynamodbstreams.Client
	Redis    *redis.Client
}

// Run serves until ctx ends, then drains: it turns unready, waits, stops
// accepting, commits and announces what was accepted.
func Run(ctx context.Context, cfg Config, clients Clients, log *slog.Logger) error {
	p := newProcess(cfg, clients, log)
	listeners, err := role.Listen(
		role.Listener{Purpose: "the board", Addr: cfg.Addr, Server: p.api.server()},
		role.Listener{Purpose: "administration", Addr: cfg.AdminAddr, Server: &http.Server{
			Handler: newAdmin(p.api, cfg.AdminToken), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		}},
	)
	if err != nil {
		return err
	}
	stop := p.start(context.WithoutCancel(ctx))
	defer stop()
	return listeners.Serve(ctx, cfg.DrainDelay, p.api.SetReady)
}

// process is an api process without its listeners.
type process struct {
	api       *API
	committer *committer
	announcer *announcer
	board     *board
	around    *around
	keeper    *keeper
}

func newProcess(cfg Config, clients Clients, log *slog.Logger) *process {
	m := newMetrics()
	clients.Redis.AddHook(countCommands{m.commands})
	s := newStore(clients.DynamoDB, cfg.Players, cfg.Keys)
	v := newView(clients.Redis)
	p := &process{announcer: newAnnouncer(v, m, log), board: newBoard(v, m, log), around: newAround(v)}
	p.committer = newCommitter(s, m, p.announcer.announce)
	p.keeper = newKeeper(v, s, newStream(clients.DynamoDB, clients.Streams, cfg.Players, v, m), m, log)
	p.api = &API{
		admit:   newAdmission(cfg.Admit),
		service: &Service{committer: p.committer, store: s, view: v, board: p.board, around: p.around},
		metrics: m,
		log:     log,
	}
	return p
}

// start begins the background work. Stop ends it when no request comes any
// more: it commits what waits, announces it, and then ends the rest.
func (p *process) start(ctx context.Context) (stop func()) {
	committing, endCommits := context.WithCancel(ctx)
	keeping, endKeeping := context.WithCancel(ctx)
	var commits, rest sync.WaitGroup
	commits.Go(func() { p.committer.run(committing) })
	rest.Go(func() { p.announcer.run(ctx) })
	rest.Go(func() { p.board.run(keeping) })
	rest.Go(func() { p.around.run(keeping) })
	rest.Go(func() { p.keeper.run(keeping) })
	return func() {
		endCommits()
		commits.Wait()
		close(p.announcer.queue)
		endKeeping()
		rest.Wait()
	}
}
