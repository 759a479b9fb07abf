package ordernotify

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are what an operator watches of any role; a role has those it uses.
type metrics struct {
	registry     *prometheus.Registry
	responses    *prometheus.CounterVec
	placeSeconds prometheus.Histogram
	published    *prometheus.CounterVec // by result
	backlog      *prometheus.GaugeVec   // rows that wait, by outbox
	oldest       *prometheus.GaugeVec   // seconds since the oldest of them was made
	messages     *prometheus.CounterVec // of a queue, by outcome
	mails        *prometheus.CounterVec // by what became of the call to SES
	decisions    *prometheus.CounterVec // by result
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ordernotify_" + name, Help: help}, labels)
	}
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		responses: counter("responses_total", "Answers, by kind of request and status.", "request", "status"),
		placeSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "ordernotify_place_seconds", Help: "Time to place an order, without the network.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1},
		}),
		published: counter("published_total", "Outbox rows handed to the topic, by result.", "result"),
		backlog: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "ordernotify_outbox_rows", Help: "Outbox rows that wait.",
		}, []string{"outbox"}),
		oldest: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "ordernotify_outbox_oldest_seconds", Help: "Age of the oldest outbox row that waits.",
		}, []string{"outbox"}),
		messages:  counter("messages_total", "Messages of a queue, by how they ended this time.", "queue", "outcome"),
		mails:     counter("mails_total", "Calls to SES, by what is known of them.", "result"),
		decisions: counter("decisions_total", "Orders that inventory decided on, by result.", "result"),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.responses, m.placeSeconds, m.published, m.backlog, m.oldest, m.messages, m.mails, m.decisions,
	)
	return m
}

func (m *metrics) answered(request string, status int) {
	m.responses.WithLabelValues(request, strconv.Itoa(status)).Inc()
}
