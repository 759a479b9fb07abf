//go:build unix

package server

import (
	"context"
	"net"
	"strconv"
	"strings"

	"github.com/provingground/provingground/deploy/cloudflare"
)

// d1 is Miniflare's D1 in a process of its own, so that several Workers share
// the databases and a drill can take them away.
func d1() Definition {
	databases, err := cloudflare.Databases()
	return Definition{
		Name:          "d1",
		StandsFor:     "Cloudflare D1 (emulated: Miniflare's, which keeps SQLite files)",
		Loses:         "nothing that was acknowledged",
		Image:         Image{Variable: "D1_IMAGE", Default: "provingground/d1:local"},
		ContainerPort: 8787,
		ContainerArgs: []string{"d1.mjs"},
		ContainerEnv:  map[string]string{"ADDR": "0.0.0.0:8787", "STATE_DIR": "/tmp/d1", "DATABASES": strings.Join(databases, ",")},
		Variables:     []string{"D1_URL"},
		PortVariable:  "D1_PORT",
		Env:           func(addr string) map[string]string { return map[string]string{"D1_URL": "http://" + addr} },
		Health:        func(ctx context.Context, addr string) error { return get(ctx, addr, "/readyz") },
		pointed:       func(value string) map[string]string { return map[string]string{"D1_URL": value} },
		program: func(ctx context.Context, in *installer) (program, error) {
			if err != nil {
				return program{}, err
			}
			p, err := in.miniflare(ctx)
			if err != nil {
				return program{}, err
			}
			return p.script("d1.mjs"), nil
		},
		launch: func(state string, port int) (args, env []string) {
			return nil, []string{
				"ADDR=" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
				"STATE_DIR=" + state, "DATABASES=" + strings.Join(databases, ","),
			}
		},
	}
}
