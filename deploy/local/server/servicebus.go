//go:build unix

package server

import (
	"context"
	"net"
	"strconv"
)

// serviceBus is ours, with a journal, as a process or in a container of its own:
// Microsoft's emulator needs a SQL Server beside it and keeps nothing. One port
// has AMQP for messages and HTTP for administration.
func serviceBus() Definition {
	return Definition{
		Name:          "servicebus",
		StandsFor:     "Azure Service Bus (stand-in: pkg/servicebustest)",
		Loses:         "nothing that was acknowledged",
		Image:         Image{Variable: "SERVICEBUS_IMAGE", Default: "provingground/servicebus:local"},
		ContainerPort: 5672,
		ContainerArgs: []string{"-addr", "0.0.0.0:5672", "-admin", "127.0.0.1:5300", "-journal", "/tmp/journal"},
		Variables:     []string{"SERVICEBUS_CONNECTION_STRING"},
		PortVariable:  "SERVICEBUS_PORT",
		Env: func(addr string) map[string]string {
			return map[string]string{
				"SERVICEBUS_CONNECTION_STRING": "Endpoint=sb://" + addr + ";SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;",
				"SERVICEBUS_ADMIN_URL":         "http://" + addr,
			}
		},
		Health: func(ctx context.Context, addr string) error { return get(ctx, addr, "/health") },
		pointed: func(value string) map[string]string {
			return map[string]string{"SERVICEBUS_CONNECTION_STRING": value}
		},
		program: func(ctx context.Context, in *installer) (program, error) {
			return in.build(ctx, "github.com/provingground/provingground/pkg/servicebustest/cmd/servicebustest")
		},
		launch: func(state string, port int) (args, env []string) {
			return []string{"-addr", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), "-admin", "127.0.0.1:0", "-journal", state}, nil
		},
	}
}
