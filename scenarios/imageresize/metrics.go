package imageresize

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are what an operator watches of any role; a role has those it uses.
type metrics struct {
	registry      *prometheus.Registry
	responses     *prometheus.CounterVec
	permitSeconds prometheus.Histogram
	images        *prometheus.CounterVec // versions, by how this attempt ended
	jobSeconds    prometheus.Histogram
	messages      *prometheus.CounterVec // by outcome
	swept         *prometheus.CounterVec // by result
	oldest        prometheus.Gauge       // age of the oldest version without a record
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "imageresize_" + name, Help: help}, labels)
	}
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		responses: counter("responses_total", "Answers, by kind of request and status.", "request", "status"),
		permitSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "imageresize_permit_seconds", Help: "Time to sign an upload, without the network.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1},
		}),
		images: counter("images_total", "Versions, by how an attempt at them ended.", "result"),
		jobSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "imageresize_job_seconds", Help: "Time of one image from its turn until its objects are stored.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}),
		messages: counter("messages_total", "Messages of the queue, by how they ended this time.", "outcome"),
		swept:    counter("swept_total", "Versions that the sweeper found without a record, by what it did.", "result"),
		oldest:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "imageresize_oldest_unfinished_seconds", Help: "Age of the oldest version without a record, at the last sweep."}),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.responses, m.permitSeconds, m.images, m.jobSeconds, m.messages, m.swept, m.oldest,
	)
	return m
}

func (m *metrics) answered(request string, status int) {
	m.responses.WithLabelValues(request, strconv.Itoa(status)).Inc()
}
