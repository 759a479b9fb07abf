package servicebustest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/provingground/provingground/pkg/journal"
	"github.com/provingground/provingground/pkg/servicebustest/access"
	"github.com/provingground/provingground/pkg/servicebustest/admin"
	"github.com/provingground/provingground/pkg/servicebustest/amqp"
	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/config"
)

// The words of the layers below that users of a Server need.
type (
	// Settings of a queue, a topic or a subscription.
	Settings = broker.Settings
	// Rule of a subscription.
	Rule = broker.Rule
	// Filter of a rule.
	Filter = broker.Filter
	// Counts of the messages of an entity.
	Counts = broker.Counts
	// Event is something that happened to a message.
	Event = broker.Event
	// Key of the namespace.
	Key = access.Key
)

// Options configure a Server. The zero value is a server on free loopback ports
// that keeps everything in memory.
type Options struct {
	// Addr is the address of AMQP, default "127.0.0.1:0". It answers HTTP as
	// well, so that one port is enough.
	Addr string
	// AdminAddr is the address of HTTP alone, default "127.0.0.1:0".
	AdminAddr string

	// Config has the entities to begin with: see config.Parse.
	Config config.Namespace
	// Keys make the server verify tokens and rights. Without any, everybody
	// may do everything.
	Keys []Key
	// FrozenAt makes the server's clock stand at this time: it moves only with
	// Advance. The zero time is the real clock. Tokens expire by the real clock
	// always, as clients make them.
	FrozenAt time.Time
	// JournalDir makes the server keep its state in this folder: nothing is
	// acknowledged before it is on disk there, and the next server finds it.
	JournalDir string
	// OnEvent is told what happens to messages, in order, by one goroutine,
	// soon after it happened. It may use the server, but not close it.
	OnEvent func(Event)
	// NotFoundAtAttach makes an entity that does not exist known when a client
	// opens a link, instead of when it authorizes itself.
	NotFoundAtAttach bool
	// TLS makes both listeners speak TLS, as the service does.
	TLS *tls.Config
	// MaxConnections that are open at a time, default 1,000. Further ones are
	// closed at once.
	MaxConnections int
	// MaxMessage is the size of the largest message or batch in bytes, default
	// 262,144.
	MaxMessage uint64

	folder journal.Folder // in place of JournalDir, for tests of the disk
}

func (o Options) withDefaults() Options {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.AdminAddr == "" {
		o.AdminAddr = "127.0.0.1:0"
	}
	if o.MaxConnections <= 0 {
		o.MaxConnections = 1000
	}
	return o
}

// Server is a namespace of Service Bus in this process.
type Server struct {
	options Options
	core    *core
	faults  *faults
	amqp    net.Listener
	admin   net.Listener
	shared  *handover // HTTP on the port of AMQP
	http    *http.Server

	mu          sync.Mutex
	connections map[net.Conn]bool
	closed      bool
	done        chan struct{}
	cancel      context.CancelFunc
	running     sync.WaitGroup
}

// NewServer starts a server. Close ends it.
func NewServer(o Options) (*Server, error) {
	o = o.withDefaults()
	s := &Server{
		options: o, core: newCore(o), faults: &faults{},
		connections: map[net.Conn]bool{}, done: make(chan struct{}),
	}
	if err := s.load(); err != nil {
		return nil, err
	}
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, s.core.closeStore())
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.http = &http.Server{
		Handler:           admin.New(admin.Options{Do: s.core.do, Sync: s.core.barrier, Keys: o.Keys, Now: time.Now}),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       time.Minute,
	}
	s.running.Go(func() { s.core.run(s.done) })
	s.running.Go(func() { s.accept(ctx) })
	s.running.Go(func() { _ = s.http.Serve(s.admin) })
	s.running.Go(func() { _ = s.http.Serve(s.shared) })
	return s, nil
}

// load restores what the journal has, and adds the entities of the
// configuration that are missing.
func (s *Server) load() error {
	s.core.broker.Advance(s.core.now())
	folder := s.options.folder
	if dir := s.options.JournalDir; dir != "" {
		folder = journal.Directory(dir)
	}
	if folder != nil {
		store, err := openStore(folder, s.core.broker)
		if err != nil {
			return err
		}
		s.core.store = store
		s.core.broker.Recover()
	}
	var err error
	s.core.do(func(b *broker.Broker) { err = s.options.Config.Apply(b) })
	if err != nil {
		return errors.Join(err, s.core.closeStore())
	}
	return nil
}

func (s *Server) listen() error {
	var err error
	if s.amqp, err = s.listenOn(s.options.Addr); err != nil {
		return err
	}
	if s.admin, err = s.listenOn(s.options.AdminAddr); err != nil {
		return errors.Join(err, s.amqp.Close())
	}
	s.shared = newHandover(s.amqp.Addr())
	return nil
}

func (s *Server) listenOn(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil || s.options.TLS == nil {
		return l, err
	}
	return tls.NewListener(l, s.options.TLS), nil
}

// Addr is the host and port of AMQP.
func (s *Server) Addr() string { return s.amqp.Addr().String() }

// AdminAddr is the host and port of the administration API and of /health.
func (s *Server) AdminAddr() string { return s.admin.Addr().String() }

// ConnectionString is what clients need. It names the first key, or one that
// the server does not check.
func (s *Server) ConnectionString() string {
	key := Key{Name: "RootManageSharedAccessKey", Secret: "SAS_KEY_VALUE"}
	if len(s.options.Keys) > 0 {
		key = s.options.Keys[0]
	}
	return s.ConnectionStringFor(key)
}

// ConnectionStringFor is what a client needs that uses a key.
func (s *Server) ConnectionStringFor(key Key) string {
	emulator := "UseDevelopmentEmulator=true;" // plain TCP
	if s.options.TLS != nil {
		emulator = ""
	}
	return fmt.Sprintf("Endpoint=sb://%s;SharedAccessKeyName=%s;SharedAccessKey=%s;%s", s.Addr(), key.Name, key.Secret, emulator)
}

// Now is the server's time.
func (s *Server) Now() time.Time { return s.core.time() }

// Advance moves the clock of a server that was made with FrozenAt, and lets
// everything happen that is due.
func (s *Server) Advance(d time.Duration) { s.core.advance(d) }

// Close ends all connections and returns when nothing of the server runs any
// more. What a journal keeps stays.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	err := errors.Join(s.amqp.Close(), s.http.Close())
	s.Disconnect() // also those that have not said yet what they speak
	close(s.done)
	s.running.Wait()
	return errors.Join(err, s.core.closeStore())
}

// accept serves connections until the listener is closed.
func (s *Server) accept(ctx context.Context) {
	for {
		nc, err := s.amqp.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of file descriptors, say
			continue
		}
		if !s.admit(nc) {
			_ = nc.Close()
			continue
		}
		s.running.Go(func() { s.serve(ctx, nc) })
	}
}

// serve talks to a client of either protocol.
func (s *Server) serve(ctx context.Context, nc net.Conn) {
	defer s.forget(nc)
	k, isHTTP, err := knock(nc)
	switch {
	case err != nil:
		_ = nc.Close()
	case isHTTP:
		s.shared.give(k)
	default:
		c := &connection{server: s}
		c.conn = amqp.NewConn(k, amqp.Config{
			MaxMessage: s.options.MaxMessage, Authenticate: s.login, Attach: c.attach, Barrier: s.core.barrier,
		})
		_ = c.conn.Serve(ctx)
	}
}

// admit is false when there are enough connections.
func (s *Server) admit(nc net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.connections) >= s.options.MaxConnections {
		return false
	}
	s.connections[nc] = true
	return true
}

func (s *Server) forget(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connections, nc)
}

func (s *Server) login(user, secret string) bool {
	_, ok := access.Keys(s.options.Keys).Login(user, secret)
	return ok
}

// Failed is closed when the journal has failed: nothing is acknowledged any more.
func (s *Server) Failed() <-chan struct{} { return s.core.failed }

// Err is why the journal has failed, or nil.
func (s *Server) Err() error {
	if s.core.store == nil {
		return nil
	}
	return s.core.store.journal.Err()
}

// Connections is the number of AMQP connections that are open.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.connections)
}

// Disconnect cuts all AMQP connections, as a lost network does.
func (s *Server) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for nc := range s.connections {
		_ = nc.Close()
	}
}
