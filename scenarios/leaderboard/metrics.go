package leaderboard

import (
	"context"
	"net"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redis/go-redis/v9"
)

// metrics are what an operator watches: how far the view is behind, who
// answered, what it cost.
type metrics struct {
	registry         *prometheus.Registry
	responses        *prometheus.CounterVec // request, status
	pageOK, pageSame prometheus.Counter     // the hot path, resolved once
	commands         prometheus.Counter     // sent to Redis
	batches, retried prometheus.Counter     // transactions
	dropped          prometheus.Counter
	repaired         prometheus.Counter
	malformed        prometheus.Counter
	refreshErrors    prometheus.Counter
	rebuilds         prometheus.Counter
	rebuildSeconds   prometheus.Gauge
	accepted         prometheus.Gauge
	through          prometheus.Gauge
	age              prometheus.Gauge
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "leaderboard_" + name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "leaderboard_" + name, Help: help})
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		responses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leaderboard_responses_total",
			Help: "Answers, by kind of request and status.",
		}, []string{"request", "status"}),
		commands:       counter("redis_commands_total", "Commands sent to Redis. Those inside scripts are counted by Redis only."),
		batches:        counter("batches_total", "Transactions of submissions that were committed."),
		retried:        counter("batches_retried_total", "Transactions that started over, because another process was faster or the store did not answer."),
		dropped:        counter("announcements_dropped_total", "Batches that were left to the stream."),
		repaired:       counter("repaired_total", "Players that the stream moved, because the direct way had not."),
		malformed:      counter("malformed_records_total", "Records of the stream that hold no player."),
		refreshErrors:  counter("refresh_errors_total", "Looks at the view that failed."),
		rebuilds:       counter("rebuilds_total", "Rebuilds of the view that were finished."),
		rebuildSeconds: gauge("rebuild_seconds", "How long the last rebuild took."),
		accepted:       gauge("accepted_sequence", "Newest improvement in the store, as the keeper saw it last. The limit is 4294967295."),
		through:        gauge("served_sequence", "Improvement up to which the pages are complete."),
		age:            gauge("edition_age_seconds", "Time since the pages were last known to be current."),
	}
	m.pageOK = m.responses.WithLabelValues("page", "200")
	m.pageSame = m.responses.WithLabelValues("page", "304")
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.responses, m.commands, m.batches, m.retried, m.dropped, m.repaired, m.malformed, m.refreshErrors,
		m.rebuilds, m.rebuildSeconds, m.accepted, m.through, m.age)
	return m
}

// countCommands is a hook of the Redis client.
type countCommands struct{ total prometheus.Counter }

func (countCommands) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (c countCommands) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.total.Inc()
		return next(ctx, cmd)
	}
}

func (c countCommands) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.total.Add(float64(len(cmds)))
		return next(ctx, cmds)
	}
}
