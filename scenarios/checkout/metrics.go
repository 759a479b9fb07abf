package checkout

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are what an operator watches of a worker. Those of the functions are the
// platform's: environments, cold starts, throttles.
type metrics struct {
	registry *prometheus.Registry
	messages *prometheus.CounterVec // by outcome
	left     *prometheus.CounterVec // pending orders that were asked about, by result
	pending  prometheus.Gauge
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "checkout_messages_total", Help: "Queued carts, by how they ended this time."}, []string{"outcome"}),
		left:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "checkout_recovered_total", Help: "Orders left pending that were taken up, by result."}, []string{"result"}),
		pending:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "checkout_pending_orders", Help: "Orders that were left pending, as far as the last walk got."}),
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), m.messages, m.left, m.pending)
	return m
}

func (m *metrics) settled(err error) {
	result := "settled"
	if err != nil {
		result = "pending"
	}
	m.left.WithLabelValues(result).Inc()
}
