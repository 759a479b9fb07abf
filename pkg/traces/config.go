package traces

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// wanted reports whether the environment asks for traces. What the library would
// only complain about on standard error, and go on without, is an error.
func wanted(env func(string) string) (bool, error) {
	name, endpoint := "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if endpoint == "" {
		name, endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT", env("OTEL_EXPORTER_OTLP_ENDPOINT")
	}
	exporter := env("OTEL_TRACES_EXPORTER")
	switch {
	case endpoint == "", strings.EqualFold(env("OTEL_SDK_DISABLED"), "true"), exporter == "none":
		return false, nil
	case exporter != "" && exporter != "otlp":
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER must be otlp or none")
	}
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return false, fmt.Errorf("%s must be a URL, such as http://127.0.0.1:4318", name)
	}
	for _, protocol := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if p := env(protocol); p != "" && p != "http/protobuf" && p != "http/json" {
			return false, fmt.Errorf("%s must be http/protobuf or http/json", protocol)
		}
	}
	return true, sampler(env)
}

func sampler(env func(string) string) error {
	known := []string{"", "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"}
	name := strings.ToLower(strings.TrimSpace(env("OTEL_TRACES_SAMPLER")))
	if !slices.Contains(known, name) {
		return fmt.Errorf("OTEL_TRACES_SAMPLER must be one of %s", strings.Join(known[1:], ", "))
	}
	arg := strings.TrimSpace(env("OTEL_TRACES_SAMPLER_ARG"))
	if arg == "" || !strings.HasSuffix(name, "traceidratio") {
		return nil
	}
	if ratio, err := strconv.ParseFloat(arg, 64); err != nil || !(ratio >= 0 && ratio <= 1) {
		return fmt.Errorf("OTEL_TRACES_SAMPLER_ARG must be between 0 and 1")
	}
	return nil
}
