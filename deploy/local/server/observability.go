//go:build unix

package server

import "context"

// ObservabilityProfile is the profile of the compose file that shows what roles in
// containers do: their traces in Jaeger, their metrics in Grafana.
const ObservabilityProfile = "observability"

// Observability returns what the profile runs. No scenario needs it, and it runs in
// containers only.
func Observability() []Definition {
	return []Definition{
		{
			Name: "collector", StandsFor: "an OpenTelemetry collector", Loses: "what it has not handed on",
			Image:         Image{Variable: "COLLECTOR_IMAGE", Default: "otel/opentelemetry-collector:0.136.0"},
			ContainerPort: 4318, PortVariable: "COLLECTOR_PORT",
			Env: func(addr string) map[string]string {
				return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + addr}
			},
			// It has no page that answers GET, and says so.
			Health: func(ctx context.Context, addr string) error { return answers(ctx, addr, "/") },
		},
		shows("jaeger", "traces", "JAEGER", "jaegertracing/jaeger:2.19.0", 16686, "/"),
		shows("prometheus", "metrics", "PROMETHEUS", "prom/prometheus:v3.5.0", 9090, "/-/ready"),
		shows("grafana", "the dashboard", "GRAFANA", "grafana/grafana:12.1.0", 3000, "/api/health"),
	}
}

// shows is a program with pages for people.
func shows(name, what, variable, image string, port int, path string) Definition {
	return Definition{
		Name: name, StandsFor: what, Loses: "what it held",
		Image:         Image{Variable: variable + "_IMAGE", Default: image},
		ContainerPort: port, PortVariable: variable + "_PORT",
		Env:    func(addr string) map[string]string { return map[string]string{variable + "_URL": "http://" + addr} },
		Health: func(ctx context.Context, addr string) error { return get(ctx, addr, path) },
	}
}

// RunsCollector says whether the clone's collector runs, so that roles in the same
// project can send to it.
func (c *Cloud) RunsCollector(ctx context.Context) (bool, error) {
	r, found, err := c.Recorded("collector")
	if err != nil || !found {
		return false, err
	}
	return container{id: r.Container}.alive(ctx), nil
}
