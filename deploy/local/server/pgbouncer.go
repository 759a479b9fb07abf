//go:build unix

package server

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// pgbouncer pools the connections to the run's PostgreSQL in transaction mode, in
// the part of RDS Proxy. It knows two users: postgres, and app, which whoever uses
// it makes. Debian's 1.18 keeps no prepared statements over transactions.
func pgbouncer() Definition {
	return Definition{
		Name:          "pgbouncer",
		StandsFor:     "RDS Proxy (PgBouncer in transaction mode: what pins there, breaks here)",
		Loses:         "the connections through it, and what was not committed on them",
		Image:         Image{Variable: "PGBOUNCER_IMAGE", Default: "edoburu/pgbouncer:1.18.0"},
		ContainerPort: 5432,
		ContainerEnv: map[string]string{
			// Whom it does not know it looks up in PostgreSQL, as this user.
			"DB_HOST": "postgres", "DB_PORT": "5432", "DB_USER": "postgres", "AUTH_TYPE": "trust", "POOL_MODE": "transaction",
			"MAX_CLIENT_CONN": "1000", "DEFAULT_POOL_SIZE": "20", "MAX_DB_CONNECTIONS": "20",
			"QUERY_WAIT_TIMEOUT": "2", "IDLE_TRANSACTION_TIMEOUT": "10", "SERVER_CONNECT_TIMEOUT": "2", "SERVER_LOGIN_RETRY": "1",
		},
		Variables:    []string{"PGBOUNCER_URL"},
		PortVariable: "PGBOUNCER_PORT",
		Env: func(addr string) map[string]string {
			return map[string]string{"PGBOUNCER_URL": "postgres://postgres@" + addr + "/postgres?sslmode=disable"}
		},
		Health:  askPostgres,
		pointed: func(value string) map[string]string { return map[string]string{"PGBOUNCER_URL": value} },
		program: pgbouncerServer,
		user:    postgresUser, // it refuses root, too
		behind:  "postgres",
		configure: func(state string, port int, behind string) error {
			host, to, err := net.SplitHostPort(behind)
			if err != nil {
				return fmt.Errorf("pgbouncer: address of PostgreSQL: %w", err)
			}
			ini := fmt.Sprintf(pgbouncerSettings, host, to, port, filepath.Join(state, "users.txt"))
			if err := os.WriteFile(filepath.Join(state, "users.txt"), []byte("\"postgres\" \"\"\n\"app\" \"\"\n"), 0o600); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(state, "pgbouncer.ini"), []byte(ini), 0o600)
		},
		launch: func(state string, _ int) (args, env []string) {
			return []string{filepath.Join(state, "pgbouncer.ini")}, nil
		},
	}
}

// pgbouncerSettings beside those of the image. A client that waits for a connection
// for longer than query_wait_timeout is refused (RDS Proxy: ConnectionBorrowTimeout);
// one that stands still in a transaction loses it.
const pgbouncerSettings = `[databases]
* = host=%s port=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
listen_backlog = 1024
unix_socket_dir =
auth_type = trust
auth_file = %s
admin_users = postgres
pool_mode = transaction
max_client_conn = 1000
default_pool_size = 20
max_db_connections = 20
query_wait_timeout = 2
idle_transaction_timeout = 10
server_login_retry = 1
server_connect_timeout = 2
server_reset_query =
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
`

// pgbouncerServer takes the machine's own, else unpacks Debian's. Neither registers
// a service.
func pgbouncerServer(ctx context.Context, in *installer) (program, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return program{path: path}, nil
		}
	}
	const where = "usr/sbin/pgbouncer"
	dir, err := in.debian(ctx, "pgbouncer", where, "pgbouncer")
	if err != nil {
		return program{}, err
	}
	return program{path: filepath.Join(dir, where), env: libraries(dir)}, nil
}
