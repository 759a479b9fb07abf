package role_test

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/provingground/provingground/pkg/role"
)

// The shape of a program: main collects, run wires.
func Example() {
	run := func(ctx context.Context, env func(string) string, args []string, _ io.Writer) error {
		if asked, err := role.Healthcheck(ctx, env("ADDR"), args); asked {
			return err
		}
		listeners, err := role.Listen(role.Listener{Purpose: "requests", Addr: env("ADDR"), Server: &http.Server{}})
		if err != nil {
			return err
		}
		return listeners.Serve(ctx, 0, func(ready bool) { fmt.Println("ready:", ready) })
	}

	ctx, cancel := context.WithCancel(context.Background())
	cancel() // as SIGTERM would, in a real program by role.Main("api", run)
	fmt.Println(run(ctx, func(string) string { return "127.0.0.1:0" }, nil, io.Discard))
	// Output:
	// ready: true
	// ready: false
	// ready: false
	// <nil>
}
