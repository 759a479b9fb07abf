package orderprocessor

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/pkg/envvars"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/pkg/servicebusproducer"
	"github.com/provingground/provingground/pkg/tablebatch"
	"github.com/provingground/provingground/pkg/traces"
)

// Common is what every role is told.
type Common struct {
	Addr, AdminAddr string
	DrainDelay      time.Duration // from unready until the listener closes: longer than the balancer's check
	Queue           string
	Client          *azservicebus.Client
	Table           *aztables.Client
	Log             *slog.Logger
	Traces          *traces.Provider // closed at the end of Run…; nil sends none
}

// NewCommon reads it from the environment and opens the clients, which Run… closes.
// A mistake is role.ErrUsage.
func NewCommon(name string, env func(string) string, out io.Writer) (Common, error) {
	v := envvars.New(env)
	c := Common{
		Addr: v.Listen("ADDR"), AdminAddr: v.Listen("ADMIN_ADDR"), DrainDelay: v.Duration("DRAIN_DELAY", 2*time.Second),
		Queue: v.Required("ORDERS_QUEUE"), Log: slog.New(slog.NewJSONHandler(out, nil)).With("role", name),
	}
	broker, storage, table := v.Required("SERVICEBUS_CONNECTION_STRING"), v.Required("TABLES_CONNECTION_STRING"), v.Required("ORDERS_TABLE")
	if err := v.Err(); err != nil {
		return c, fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	var err error
	if c.Table, err = tablebatch.Open(storage, table); err != nil {
		return c, fmt.Errorf("%w: TABLES_CONNECTION_STRING must be one: %w", role.ErrUsage, err)
	}
	if c.Traces, err = traces.Open("orderprocessor-"+name, c.Log); err != nil {
		return c, fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	if c.Client, err = servicebusproducer.Open(broker); err != nil {
		c.Traces.Close()
		return c, fmt.Errorf("%w: SERVICEBUS_CONNECTION_STRING must be one: %w", role.ErrUsage, err)
	}
	return c, nil
}
