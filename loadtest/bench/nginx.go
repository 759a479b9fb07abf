package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/provingground/provingground/deploy/local/process"
	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/machine"
)

// nginx is a running server that answers everything with 302.
type nginx struct {
	version string
	command string
	config  string
	addr    string
	url     string
	dir     string
	process *process.Process
}

// startNginx starts it as the user we are, with all its files in a folder of its own.
func startNginx(ctx context.Context, cloud *server.Cloud) (_ *nginx, err error) {
	program, env, err := tool(ctx, cloud, "usr/sbin/nginx", "nginx-light")
	if err != nil {
		return nil, err
	}
	built, err := output(ctx, env, program, "-V")
	if err != nil {
		return nil, fmt.Errorf("nginx -V: %w", err)
	}
	ports, err := server.FreePorts(1)
	if err != nil {
		return nil, err
	}
	n := &nginx{version: firstLine(built), addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))}
	n.url, n.config = "http://"+n.addr+"/", nginxConfig(n.addr, built)
	if n.dir, err = os.MkdirTemp("", "bench-nginx-"); err != nil {
		return nil, err
	}
	if err := n.start(ctx, program, env, ports[0]); err != nil {
		return nil, errors.Join(err, n.close(context.WithoutCancel(ctx)))
	}
	return n, nil
}

// nginxConfig is one process that returns 302. Without a master there is no child
// that could be left behind, and no change of user. Paths are relative to -p.
func nginxConfig(addr, built string) string {
	var c strings.Builder
	c.WriteString("worker_processes 1;\nmaster_process off;\ndaemon off;\npid nginx.pid;\nerror_log error.log;\n")
	c.WriteString("events { worker_connections 4096; }\nhttp {\n  access_log off;\n  keepalive_requests 100000000;\n")
	for _, module := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		if !strings.Contains(built, "--without-http_"+module+"_module") {
			fmt.Fprintf(&c, "  %s_temp_path tmp_%s;\n", module, module)
		}
	}
	fmt.Fprintf(&c, "  server { listen %s; location / { return 302 %s; } }\n}\n", addr, target)
	return c.String()
}

func (n *nginx) start(ctx context.Context, program string, env []string, port int) (err error) {
	if err := os.WriteFile(filepath.Join(n.dir, "nginx.conf"), []byte(n.config), 0o600); err != nil {
		return err
	}
	args := []string{"-p", n.dir + "/", "-c", filepath.Join(n.dir, "nginx.conf")}
	n.command = program + " " + strings.Join(args, " ")
	n.process, err = process.Start(process.Spec{
		Name: "nginx", Path: program, Args: args, Dir: n.dir, Log: filepath.Join(n.dir, "out.log"),
		Env: append(env, "PATH="+os.Getenv("PATH")),
	})
	if err != nil {
		return err
	}
	return n.awaitPort(ctx, port)
}

func (n *nginx) awaitPort(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Second, errors.New("nginx does not listen after 10 s"))
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !n.process.ID().Listens(port) {
		select {
		case <-n.process.Done():
			return n.process.Err()
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

func (n *nginx) close(ctx context.Context) error {
	if n == nil {
		return nil
	}
	var err error
	if n.process != nil {
		err = n.process.Stop(ctx)
	}
	return errors.Join(err, os.RemoveAll(n.dir))
}

func (n *nginx) processes() []machine.Process {
	return []machine.Process{{Name: "nginx", Group: machine.Server, PID: n.process.PID()}}
}

// atRate is the same load as on the service.
func (n *nginx) atRate(rate float64, row time.Duration) engine.Flow {
	return engine.Flow{
		Name: "redirects", Schedule: engine.Constant{Rate: rate, Duration: warmUp + row}, WarmUp: warmUp,
		Workers: connections, MaxWorkers: 1024, New: n.reader,
	}
}

// atMost is what a fixed number of connections carry, as wrk sends.
func (n *nginx) atMost(row time.Duration) engine.Flow {
	return engine.Flow{Name: "redirects", Closed: &engine.ClosedLoop{Users: connections, Duration: row}, New: n.reader}
}

func (n *nginx) reader(int) (engine.Sender, error) { return newReader(n.addr) }
