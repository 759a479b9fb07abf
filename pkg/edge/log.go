package edge

import (
	"log/slog"
	"strings"

	"github.com/provingground/provingground/pkg/edge/internal/host"
)

// NewLogHandler writes JSON lines to the console with the console's method of
// each level, as `wrangler tail` filters them. A nil opts means slog's defaults.
func NewLogHandler(opts *slog.HandlerOptions) slog.Handler {
	return slog.NewJSONHandler(console{}, opts)
}

// console is an io.Writer: slog writes one line a call.
type console struct{}

func (console) Write(line []byte) (int, error) {
	text := strings.TrimSuffix(string(line), "\n")
	_, err := host.Global("log", method(text), text)
	return len(line), err
}

// method finds the level where the JSON handler writes it, near the start.
func method(line string) string {
	head := line[:min(len(line), 120)]
	switch {
	case strings.Contains(head, `"level":"ERROR`):
		return "error"
	case strings.Contains(head, `"level":"WARN`):
		return "warn"
	case strings.Contains(head, `"level":"DEBUG`):
		return "debug"
	}
	return "log"
}
