package urlshortener

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are what an operator watches: who answered, how fast, what was lost.
type metrics struct {
	registry      *prometheus.Registry
	lookups       *lookups
	responses     *prometheus.CounterVec // method class, status
	redirect      prometheus.Counter     // the hot path, resolved once
	unknown       prometheus.Counter
	shed          prometheus.Counter
	seconds       prometheus.Histogram // of redirects
	clicksDropped prometheus.Counter
	clicksUnsure  prometheus.Counter
}

// lookups counts where the answer to "what is behind this name" came from.
type lookups struct {
	asked, memoryMiss                                 prometheus.Counter
	sharedHit, sharedMiss, sharedBarrier, sharedError prometheus.Counter
	storeRead, storeError, capped                     prometheus.Counter
}

func (l *lookups) shared(hit found, err error) {
	switch {
	case err != nil:
		l.sharedError.Inc()
	case hit == foundEntry:
		l.sharedHit.Inc()
	case hit == foundBarrier:
		l.sharedBarrier.Inc()
	default:
		l.sharedMiss.Inc()
	}
}

func newMetrics() *metrics {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	layer := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "urlshortener_lookups_total",
		Help: "Lookups of a name, by the layer that was asked and what came of it.",
	}, []string{"layer", "result"})
	m := &metrics{
		registry: reg,
		lookups: &lookups{
			asked:         layer.WithLabelValues("memory", "asked"),
			memoryMiss:    layer.WithLabelValues("memory", "miss"),
			sharedHit:     layer.WithLabelValues("redis", "hit"),
			sharedMiss:    layer.WithLabelValues("redis", "miss"),
			sharedBarrier: layer.WithLabelValues("redis", "barrier"),
			sharedError:   layer.WithLabelValues("redis", "error"),
			storeRead:     layer.WithLabelValues("dynamodb", "read"),
			storeError:    layer.WithLabelValues("dynamodb", "error"),
			capped:        layer.WithLabelValues("dynamodb", "capped"),
		},
		responses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "urlshortener_responses_total",
			Help: "Answers, by kind of request and status.",
		}, []string{"request", "status"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "urlshortener_redirect_seconds",
			Help:    "Time to answer a redirect, without the network.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .1, 1},
		}),
		clicksDropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urlshortener_clicks_dropped_total",
			Help: "Clicks that were not counted because too many links had clicks waiting.",
		}),
		clicksUnsure: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urlshortener_click_batches_unsure_total",
			Help: "Batches of clicks sent again after a flush with an unknown outcome.",
		}),
	}
	m.redirect = m.responses.WithLabelValues("redirect", "302")
	m.unknown = m.responses.WithLabelValues("redirect", "404")
	m.shed = m.responses.WithLabelValues("any", "503")
	reg.MustRegister(layer, m.responses, m.seconds, m.clicksDropped, m.clicksUnsure)
	return m
}
