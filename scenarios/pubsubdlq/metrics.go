package pubsubdlq

import (
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are what an operator watches of any role; a role has those it uses.
type metrics struct {
	registry  *prometheus.Registry
	responses *prometheus.CounterVec
	messages  *prometheus.CounterVec // deliveries, by how they ended
	letters   *prometheus.CounterVec // by what they were, or that they were sent
	open      prometheus.Gauge       // letters that wait for somebody
	oldest    prometheus.Gauge       // seconds since the first of them died
	most      prometheus.Gauge       // deliveries of the message that had most

	mu   sync.Mutex
	high int
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "pubsubdlq_" + name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "pubsubdlq_" + name, Help: help})
	}
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		responses: counter("responses_total", "Answers, by kind of request and status.", "request", "status"),
		messages:  counter("messages_total", "Deliveries, by how they ended.", "outcome"),
		letters:   counter("letters_total", "Dead letters that were delivered, by what they were, and that were sent back.", "what"),
		open:      gauge("letters_open", "Dead letters that wait for somebody."),
		oldest:    gauge("letters_oldest_seconds", "Age of the oldest dead letter that waits."),
		most:      gauge("deliveries_most", "Deliveries of the message that had most."),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.responses, m.messages, m.letters, m.open, m.oldest, m.most,
	)
	return m
}

func (m *metrics) answered(request string, status int) {
	m.responses.WithLabelValues(request, strconv.Itoa(status)).Inc()
}

// deliveries notes how often a message was delivered so far.
func (m *metrics) deliveries(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n > m.high {
		m.high = n
		m.most.Set(float64(n))
	}
}
