package webhooks

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are what an operator watches of any role; a role has those it uses.
type metrics struct {
	registry      *prometheus.Registry
	responses     *prometheus.CounterVec // of the receiver, by status
	acceptSeconds prometheus.Histogram
	resumed       prometheus.Counter
	events        *prometheus.CounterVec // by what became of them
	batch         prometheus.Histogram
	away          prometheus.Counter
	pushRefused   prometheus.Counter
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Name: "webhooks_" + name, Help: help}
	}
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		responses: prometheus.NewCounterVec(counter("responses_total", "Answers of the receiver, by status."), []string{"status"}),
		acceptSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "webhooks_accept_seconds", Help: "Time until Pub/Sub had an event.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5},
		}),
		resumed: prometheus.NewCounter(counter("resumed_total", "Failed publishes after which an account's key was resumed.")),
		events:  prometheus.NewCounterVec(counter("events_total", "Events, by what became of them: applied, repeated, dead."), []string{"result"}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "webhooks_batch_events", Help: "Events in one transaction.", Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200},
		}),
		away:        prometheus.NewCounter(counter("postgres_away_total", "Transactions that are tried again because PostgreSQL did not answer.")),
		pushRefused: prometheus.NewCounter(counter("push_refused_total", "Push requests without the subscription's token.")),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.responses, m.acceptSeconds, m.resumed, m.events, m.batch, m.away, m.pushRefused,
	)
	return m
}

func (m *metrics) answered(status int) { m.responses.WithLabelValues(strconv.Itoa(status)).Inc() }
