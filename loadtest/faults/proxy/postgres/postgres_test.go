package postgres_test

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/provingground/provingground/loadtest/faults/proxy/postgres"
	"github.com/provingground/provingground/loadtest/faults/proxy/proxytest"
)

// wire returns messages as bytes.
func wire(t testing.TB, messages ...interface {
	Encode(dst []byte) ([]byte, error)
},
) (b []byte) {
	t.Helper()
	for _, m := range messages {
		var err error
		if b, err = m.Encode(b); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func login(t testing.TB) []byte {
	t.Helper()
	return wire(t, &pgproto3.SSLRequest{}, &pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": "u"}}, &pgproto3.PasswordMessage{Password: "secret"})
}

func TestOperationsEndWithQueryOrSync(t *testing.T) {
	sent := append(login(t), wire(t,
		&pgproto3.Query{String: "begin"},
		&pgproto3.Parse{Name: "s1", Query: "insert into orders values ($1)"}, &pgproto3.Describe{ObjectType: 'S', Name: "s1"}, &pgproto3.Sync{},
		&pgproto3.Bind{PreparedStatement: "s1", Parameters: [][]byte{[]byte("1")}}, &pgproto3.Execute{}, &pgproto3.Sync{},
		&pgproto3.Bind{PreparedStatement: "s1"}, &pgproto3.Execute{}, &pgproto3.Flush{},
		&pgproto3.Parse{Query: "delete from outbox"}, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Sync{},
		&pgproto3.Query{String: "copy orders from stdin"}, &pgproto3.CopyData{Data: []byte("1\n")}, &pgproto3.CopyDone{},
		&pgproto3.Query{String: "commit"}, &pgproto3.Terminate{},
	)...)
	want := []string{
		"LOGIN", "BEGIN", "PREPARE", "INSERT orders", "INSERT orders; DELETE outbox", "COPY orders", "COMMIT",
	}
	if got := proxytest.Requests(t, postgres.Protocol()(), sent); !slices.Equal(got, want) {
		t.Errorf("operations %q, want %q", got, want)
	}
}

func TestLargeMessagesAreNotHeld(t *testing.T) {
	sent := append(login(t), wire(t,
		&pgproto3.Parse{Query: "insert into orders values ($1)"}, &pgproto3.Bind{Parameters: [][]byte{make([]byte, 1<<20)}}, &pgproto3.Execute{}, &pgproto3.Sync{},
		&pgproto3.Query{String: "select '" + string(make([]byte, 1<<20)) + "' from orders"},
	)...)
	if got := proxytest.Requests(t, postgres.Protocol()(), sent); !slices.Equal(got[1:], []string{"INSERT orders", "SELECT"}) {
		t.Errorf("operations %q", got)
	}
}

func TestAnswersEndWhenTheServerIsReady(t *testing.T) {
	row := &pgproto3.DataRow{Values: [][]byte{make([]byte, 200)}}
	ready := &pgproto3.ReadyForQuery{TxStatus: 'I'}
	sent := wire(
		t, &pgproto3.ParseComplete{}, &pgproto3.BindComplete{}, row, row, &pgproto3.NoticeResponse{Message: "careful"},
		&pgproto3.CommandComplete{CommandTag: []byte("SELECT 2")}, ready, &pgproto3.NotificationResponse{Channel: "c"}, &pgproto3.EmptyQueryResponse{}, ready,
	)
	if got := proxytest.Answers(t, postgres.Protocol()(), nil, sent); got != 2 {
		t.Errorf("%d answers ended, want 2", got)
	}
}

func FuzzRequests(f *testing.F) {
	f.Add(login(f))
	f.Add(append(login(f), wire(f, &pgproto3.Query{String: "select 1"}, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Sync{})...))
	f.Fuzz(func(t *testing.T, sent []byte) { proxytest.Requests(t, postgres.Protocol()(), sent) })
}

func FuzzAnswers(f *testing.F) {
	f.Add(wire(f, &pgproto3.ParseComplete{}, &pgproto3.NoticeResponse{}, &pgproto3.ReadyForQuery{TxStatus: 'I'}))
	f.Fuzz(func(t *testing.T, sent []byte) { proxytest.Answers(t, postgres.Protocol()(), nil, sent) })
}
