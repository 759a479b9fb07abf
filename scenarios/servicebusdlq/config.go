package servicebusdlq

import (
	"context"
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

// Process is what every role has.
type Process struct {
	Addr, AdminAddr string
	DrainDelay      time.Duration // from unready until the listener closes: longer than the balancer's check
	Client          *azservicebus.Client
	Log             *slog.Logger
	Traces          *traces.Provider // nil sends none

	metrics *metrics
}

// NewProcess reads what every role is told and opens Service Bus, without asking it
// anything. A mistake is role.ErrUsage. The caller closes the process.
func NewProcess(name string, env func(string) string, out io.Writer) (*Process, error) {
	v := envvars.New(env)
	p := &Process{
		Addr: v.Listen("ADDR"), AdminAddr: v.Listen("ADMIN_ADDR"), DrainDelay: v.Duration("DRAIN_DELAY", 2*time.Second),
		Log: slog.New(slog.NewJSONHandler(out, nil)).With("role", name), metrics: newMetrics(),
	}
	broker := v.Required("SERVICEBUS_CONNECTION_STRING")
	if err := v.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	var err error
	if p.Client, err = servicebusproducer.Open(broker); err != nil {
		return nil, fmt.Errorf("%w: SERVICEBUS_CONNECTION_STRING must be one: %w", role.ErrUsage, err)
	}
	if p.Traces, err = traces.Open("servicebusdlq-"+name, p.Log); err != nil {
		return nil, fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	return p, nil
}

// OpenTable returns a client of the table whose name a variable holds. It does no I/O.
func OpenTable(env func(string) string, variable string) (*aztables.Client, error) {
	v := envvars.New(env)
	storage, name := v.Required("TABLES_CONNECTION_STRING"), v.Required(variable)
	if err := v.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	table, err := tablebatch.Open(storage, name)
	if err != nil {
		return nil, fmt.Errorf("%w: TABLES_CONNECTION_STRING must be one: %w", role.ErrUsage, err)
	}
	return table, nil
}

// ReadQueues reads the names of the two queues.
func ReadQueues(env func(string) string) (Queues, error) {
	v := envvars.New(env)
	q := Queues{Plain: v.Required("PAYMENTS_QUEUE"), Ordered: v.Required("ORDERED_QUEUE")}
	if err := v.Err(); err != nil {
		return q, fmt.Errorf("%w: %w", role.ErrUsage, err)
	}
	return q, nil
}

// Close ends the connections and sends the last traces.
func (p *Process) Close() {
	defer p.Traces.Close()
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.Client.Close(ctx); err != nil {
		p.Log.Warn("close Service Bus", "error", err)
	}
}
