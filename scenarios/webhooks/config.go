package webhooks

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/pubsubproducer"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/traces"
	"github.com/provingground/provingground/pkg/webhooksig"
)

// Common is what every role is told.
type Common struct {
	Addr, AdminAddr string
	DrainDelay      time.Duration // from unready until the listener closes: longer than the balancer's check
	Client          *pubsub.Client
	Log             *slog.Logger
	Traces          *traces.Provider // closed at the end of Run…; nil sends none
}

// NewCommon reads it from the environment and opens a client for Pub/Sub, which
// the caller closes. A mistake is role.ErrUsage.
func NewCommon(ctx context.Context, name string, env func(string) string, out io.Writer) (Common, error) {
	v := envvars.New(env)
	c := Common{
		Addr: v.Listen("ADDR"), AdminAddr: v.Listen("ADMIN_ADDR"), DrainDelay: v.Duration("DRAIN_DELAY", 2*time.Second),
		Log: slog.New(slog.NewJSONHandler(out, nil)).With("role", name),
	}
	project := v.Required("GOOGLE_CLOUD_PROJECT")
	if err := v.Err(); err != nil {
		return c, fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	var err error
	if c.Traces, err = traces.Open("webhooks-"+name, c.Log); err != nil {
		return c, fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	if c.Client, err = OpenPubSub(ctx, project); err != nil {
		c.Traces.Close()
	}
	return c, err
}

// OpenPubSub returns a client of the project. PUBSUB_EMULATOR_HOST is the
// library's own variable.
func OpenPubSub(ctx context.Context, project string) (*pubsub.Client, error) {
	client, err := pubsubproducer.Open(ctx, project)
	if err != nil {
		return nil, fmt.Errorf("%w: Pub/Sub: %w", role.ErrUsage, err)
	}
	return client, nil
}

// KeysOf reads the active keys of a provider: NAME, and NAME_NEXT while a key is
// rotated.
func KeysOf(v *envvars.Vars, env func(string) string, name string) webhooksig.Keys {
	all := webhooksig.Keys{[]byte(v.Secret(name))}
	if env(name+"_NEXT") != "" {
		all = append(all, []byte(v.Secret(name+"_NEXT")))
	}
	return all
}
