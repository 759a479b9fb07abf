package pubsubdlq

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/pubsubproducer"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/traces"
)

// NewProcess reads what every role is told and opens Pub/Sub, without asking it
// anything. A mistake is role.ErrUsage. The caller closes the process.
func NewProcess(ctx context.Context, name string, env func(string) string, out io.Writer) (*Process, error) {
	v := envvars.New(env)
	p := &Process{
		Addr:       v.Listen("ADDR"),
		AdminAddr:  v.Listen("ADMIN_ADDR"),
		DrainDelay: v.Duration("DRAIN_DELAY", 2*time.Second),
		Log:        slog.New(slog.NewJSONHandler(out, nil)).With("role", name),
		metrics:    newMetrics(),
	}
	project := v.Required("GOOGLE_CLOUD_PROJECT")
	if err := v.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	var err error
	if p.Traces, err = traces.Open("pubsubdlq-"+name, p.Log); err != nil {
		return nil, fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	if p.PubSub, err = pubsubproducer.Open(ctx, project); err != nil {
		p.Traces.Close()
		return nil, fmt.Errorf("%w: Pub/Sub: %w", role.ErrUsage, err)
	}
	return p, nil
}

// OpenDatabase gives the process a pool of at most size connections.
func (p *Process) OpenDatabase(ctx context.Context, env func(string) string, schemaName, name string, size int32) error {
	url := env("DATABASE_URL")
	if url == "" {
		return fmt.Errorf("%w: DATABASE_URL must be set", role.ErrUsage)
	}
	db, err := OpenDatabase(ctx, url, schemaName, name, size)
	if err != nil {
		return fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	p.DB = db
	return nil
}

// Close ends the connections and sends the last traces.
func (p *Process) Close() {
	defer p.Traces.Close()
	if p.DB != nil {
		p.DB.Close()
	}
	if err := p.PubSub.Close(); err != nil {
		p.Log.Warn("close Pub/Sub", "error", err)
	}
}

// ParseOnPoison reads the name of a choice; an empty one is Skip.
func ParseOnPoison(name string) (OnPoison, error) {
	switch o := OnPoison(name); o {
	case "":
		return Skip, nil
	case Skip, Park:
		return o, nil
	}
	return "", fmt.Errorf("%w: ON_POISON must be skip or park", role.ErrUsage)
}
