package checkout

import (
	"context"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
)

// uncancelled is a connection whose statement is not cancelled when its client gives
// up: pgx would dial the same address once more to ask for it. PgBouncer before 1.21
// ends as a whole on some of these requests (its issues 822 and 904). The outcome is
// unknown with and without; the server ends the statement by its statement_timeout.
type uncancelled struct{ net.Conn }

// RemoteAddr is an address that nobody can dial.
func (uncancelled) RemoteAddr() net.Addr { return nowhere{} }

type nowhere struct{}

func (nowhere) Network() string { return "nowhere" }
func (nowhere) String() string  { return "nowhere" }

// leaveUncancelled wraps each new connection.
func leaveUncancelled(_ context.Context, _ *pgconn.Config, c net.Conn) (net.Conn, error) {
	return uncancelled{c}, nil
}
