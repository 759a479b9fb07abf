package servicebusdlq

import (
	"log/slog"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/provingground/provingground/pkg/servicebusconsumer"
)

// metrics are what an operator watches of any role; a role has those it uses.
type metrics struct {
	registry    *prometheus.Registry
	responses   *prometheus.CounterVec // by kind of request and status
	sendSeconds prometheus.Histogram
	payments    *prometheus.CounterVec // by what became of them
	messages    *prometheus.CounterVec // deliveries, by how they ended
	open        prometheus.Gauge       // letters that wait for somebody
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "servicebusdlq_" + name, Help: help}, labels)
	}
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		responses: counter("responses_total", "Answers, by kind of request and status.", "request", "status"),
		sendSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "servicebusdlq_send_seconds", Help: "Time until Service Bus had a payment.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 3},
		}),
		payments: counter("payments_total", "Payments, by what became of them: booked, repeated.", "result"),
		messages: counter("messages_total", "Deliveries, by how they ended: done, waiting, retried, released, dead, lost, failed.", "outcome"),
		open:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "servicebusdlq_letters_open", Help: "Letters of the quarantine that wait for somebody."}),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.responses, m.sendSeconds, m.payments, m.messages, m.open,
	)
	return m
}

func (m *metrics) answered(request string, status int) {
	m.responses.WithLabelValues(request, strconv.Itoa(status)).Inc()
}

// observe counts how a message ended, and tells of those that somebody must see.
func (m *metrics) observe(log *slog.Logger, message *servicebusconsumer.Message, o servicebusconsumer.Outcome, err error) {
	m.messages.WithLabelValues(string(o)).Inc()
	id := ""
	if message != nil {
		id = message.MessageID
	}
	switch o {
	case servicebusconsumer.Done, servicebusconsumer.Released:
	case servicebusconsumer.Failed, servicebusconsumer.Dead:
		log.Error("message", "outcome", o, "id", id, "error", err)
	default:
		log.Warn("message", "outcome", o, "id", id, "error", err)
	}
}
