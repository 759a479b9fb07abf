package orderprocessor

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are what an operator watches of any role; a role has those it uses.
type metrics struct {
	registry      *prometheus.Registry
	responses     *prometheus.CounterVec // of intake, by status
	acceptSeconds prometheus.Histogram
	orders        *prometheus.CounterVec // of processors
	messages      *prometheus.CounterVec
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Name: "orderprocessor_" + name, Help: help}
	}
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		responses: prometheus.NewCounterVec(counter("responses_total", "Answers of intake, by status."), []string{"status"}),
		acceptSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "orderprocessor_accept_seconds", Help: "Time until Service Bus had an order.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 3},
		}),
		orders:   prometheus.NewCounterVec(counter("orders_total", "Orders, by what became of them: processed, repeated."), []string{"result"}),
		messages: prometheus.NewCounterVec(counter("messages_total", "Messages, by how they ended: done, waiting, retried, released, dead, lost, failed."), []string{"outcome"}),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.responses, m.acceptSeconds, m.orders, m.messages,
	)
	return m
}

func (m *metrics) answered(status int) { m.responses.WithLabelValues(strconv.Itoa(status)).Inc() }
