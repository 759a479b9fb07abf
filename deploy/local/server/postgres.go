//go:build unix

package server

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// unprivileged is nobody's user id on every Linux; PostgreSQL refuses root.
const unprivileged = 65534

func postgres() Definition {
	return Definition{
		Name:          "postgres",
		StandsFor:     "PostgreSQL itself",
		Loses:         "nothing that was committed (fsync is on)",
		Image:         Image{Variable: "POSTGRES_IMAGE", Default: "postgres:15.14-alpine"},
		ContainerPort: 5432,
		// Whoever reaches the port is trusted; it is published on 127.0.0.1 only.
		ContainerEnv:  map[string]string{"POSTGRES_HOST_AUTH_METHOD": "trust"},
		ContainerArgs: append([]string{"postgres"}, postgresSettings()...),
		Variables:     []string{"DATABASE_URL"},
		PortVariable:  "POSTGRES_PORT",
		Env: func(addr string) map[string]string {
			return map[string]string{"DATABASE_URL": "postgres://postgres@" + addr + "/postgres?sslmode=disable"}
		},
		Health:  askPostgres,
		pointed: func(value string) map[string]string { return map[string]string{"DATABASE_URL": value} },
		program: postgresServer,
		user:    postgresUser,
		prepare: initdb,
		ends:    syscall.SIGINT, // "fast": SIGTERM would wait for the clients to leave
		launch: func(state string, port int) (args, env []string) {
			args = []string{
				"-D", filepath.Join(state, "data"), "-p", strconv.Itoa(port),
				"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
			}
			return append(args, postgresSettings()...), nil
		},
	}
}

// postgresSettings are those of the image and of the process alike. What is
// acknowledged is on disk; the rest fits a small machine.
func postgresSettings() []string {
	return []string{
		"-c", "fsync=on", "-c", "synchronous_commit=on",
		"-c", "max_connections=200", "-c", "shared_buffers=128MB",
	}
}

func postgresUser() uint32 {
	if os.Geteuid() != 0 {
		return 0
	}
	return unprivileged
}

// postgresServer takes the newest of the machine's own, else unpacks Debian's.
// Neither registers a service.
func postgresServer(ctx context.Context, in *installer) (program, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		return program{path: path}, nil
	}
	const where = "usr/lib/postgresql/*/bin/postgres"
	if path := newest("/" + where); path != "" {
		return program{path: path}, nil
	}
	dir, err := in.debian(ctx, "postgresql", where, "postgresql")
	if err != nil {
		return program{}, err
	}
	return program{path: newest(filepath.Join(dir, where)), env: libraries(dir)}, nil
}

// newest returns the match with the highest version in its path, or nothing.
// Versions of two digits sort like text.
func newest(pattern string) string {
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

// initdb makes an empty cluster and does not wait for the disk: a power failure
// in the first seconds costs a cluster that held nothing.
func initdb(p program, state string) (path string, args []string) {
	return filepath.Join(filepath.Dir(p.path), "initdb"), []string{
		"-D", filepath.Join(state, "data"), "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync",
	}
}

// askPostgres runs a query. It also waits while PostgreSQL recovers from a crash:
// it answers with an error then.
func askPostgres(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(time.Second)
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	f := pgproto3.NewFrontend(conn, conn)
	f.Send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersionNumber, Parameters: map[string]string{"user": "postgres"}})
	if err := f.Flush(); err != nil {
		return err
	}
	if trusted, err := awaitReady(f, addr); err != nil || !trusted {
		return err
	}
	f.SendQuery(&pgproto3.Query{String: "SELECT 1"})
	if err := f.Flush(); err != nil {
		return err
	}
	_, err = awaitReady(f, addr)
	return err
}

// awaitReady reads until the server is ready for a query. One that asks for a
// password or refuses the user is there, too: its clients know what to say.
func awaitReady(f *pgproto3.Frontend, addr string) (trusted bool, err error) {
	for {
		m, err := f.Receive()
		if err != nil {
			return false, err
		}
		switch m := m.(type) {
		case *pgproto3.ReadyForQuery:
			return true, nil
		case *pgproto3.ErrorResponse:
			if strings.HasPrefix(m.Code, "28") || m.Code == "3D000" {
				return false, nil
			}
			return false, fmt.Errorf("postgres at %s answers %s: %s", addr, m.Code, m.Message)
		}
		if f.GetAuthType() != pgproto3.AuthTypeOk {
			return false, nil
		}
	}
}
