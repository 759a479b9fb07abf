package pubsubtest

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/provingground/provingground/pkg/journal"
	"github.com/provingground/provingground/pkg/pubsubtest/broker"
)

// Options of a server. The zero value is a server in memory on a free port of
// the loopback interface.
type Options struct {
	// Address is where gRPC listens. Default 127.0.0.1:0.
	Address string
	// HTTPAddress is where the keys of push tokens are published. Default
	// 127.0.0.1:0.
	HTTPAddress string
	// Folder is where the journal is, for example journal.Directory(dir); nil
	// keeps everything in memory.
	Folder journal.Folder
	// Clock is where time comes from. Default SystemClock.
	Clock Clock
	// MaxBytes bounds the messages that are held, in memory and so in the
	// journal. Beyond it Publish answers ResourceExhausted, which clients
	// retry. Default 4 GiB.
	MaxBytes int64
	// EnforceDeadLetterGrants: forward dead letters only if the policies of
	// the dead-letter topic (roles/pubsub.publisher) and of the subscription
	// (roles/pubsub.subscriber) name a Pub/Sub service account.
	EnforceDeadLetterGrants bool
	// PushClient sends push requests. Default: one of its own, which follows
	// no redirect. Its timeout is not used.
	PushClient *http.Client
	// Log takes what has no caller. Default slog.Default.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	if o.HTTPAddress == "" {
		o.HTTPAddress = "127.0.0.1:0"
	}
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 4 << 30
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Server is a running Pub/Sub.
type Server struct {
	engine *engine
	faults *faults
	tokens *tokens
	grpc   *grpc.Server
	http   *http.Server
	addr   net.Addr
	url    string
}

// gRPC's bounds: a publish request has at most 10 MB of messages, and some more
// around them; a window of 1 MiB lets one stream carry large batches.
const (
	maxRequest  = 12 << 20
	windowBytes = 1 << 20
	drainTime   = 3 * time.Second
)

// TB is what NewServer needs of a *testing.T or *testing.B.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Cleanup(func())
}

// NewServer starts a server for a test, which ends with it.
func NewServer(t TB, options Options) *Server {
	t.Helper()
	s, err := Start(options)
	if err != nil {
		t.Fatalf("pubsubtest: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("pubsubtest: %v", err)
		}
	})
	return s
}

// Start starts a server and returns when it accepts calls. With a folder it
// first reads the journal, and fails if another process has it or if it is
// damaged.
func Start(options Options) (*Server, error) {
	options = options.withDefaults()
	e, err := newEngine(options)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", options.Address)
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	web, err := net.Listen("tcp", options.HTTPAddress)
	if err != nil {
		return nil, errors.Join(err, listener.Close(), e.close())
	}
	s := &Server{engine: e, faults: newFaults(e), addr: listener.Addr(), url: "http://" + web.Addr().String()}
	s.tokens = newTokens(s.url, options.Clock)
	s.http = &http.Server{Handler: s.tokens.handler(), ReadHeaderTimeout: 10 * time.Second}
	s.register()
	s.start(listener, web, options)
	return s, nil
}

func (s *Server) register() {
	s.grpc = grpc.NewServer(
		grpc.MaxRecvMsgSize(maxRequest), grpc.MaxSendMsgSize(2*maxRequest),
		grpc.InitialWindowSize(windowBytes), grpc.InitialConnWindowSize(windowBytes),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(s.faults.intercept),
	)
	schemas := &schemas{engine: s.engine}
	pubsubpb.RegisterPublisherServer(s.grpc, &publisher{engine: s.engine, schemas: schemas})
	pubsubpb.RegisterSubscriberServer(s.grpc, &subscriber{engine: s.engine, faults: s.faults})
	pubsubpb.RegisterSchemaServiceServer(s.grpc, schemas)
	iampb.RegisterIAMPolicyServer(s.grpc, &policies{engine: s.engine})
}

func (s *Server) start(listener, web net.Listener, options Options) {
	s.engine.running.Go(s.engine.run)
	s.engine.running.Go(func() {
		// It is stopped before it began if Close comes at once.
		if err := s.grpc.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			options.Log.Error("grpc", "error", err)
		}
	})
	s.engine.running.Go(func() {
		if err := s.http.Serve(web); !errors.Is(err, http.ErrServerClosed) {
			options.Log.Error("http", "error", err)
		}
	})
	newPushers(s.engine, s.faults, s.tokens, options.PushClient).start()
}

// Addr is where gRPC listens: the value for PUBSUB_EMULATOR_HOST.
func (s *Server) Addr() string { return s.addr.String() }

// URL is the issuer of push tokens: URL/.well-known/openid-configuration names
// their keys.
func (s *Server) URL() string { return s.url }

// ClientOptions are for pubsub.NewClient and the clients of apiv1, for a test
// that does not want to set PUBSUB_EMULATOR_HOST.
func (s *Server) ClientOptions() []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(s.Addr()), option.WithoutAuthentication(), option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

// Failed is closed when the journal cannot write any more. Then every call
// fails with Unavailable; the process should end.
func (s *Server) Failed() <-chan struct{} { return s.engine.failed }

// Close ends streams, lets calls finish for up to three seconds, and returns
// when no goroutine of the server is left and the journal is closed.
func (s *Server) Close() error {
	close(s.engine.closing)
	timer := time.AfterFunc(drainTime, s.grpc.Stop)
	s.grpc.GracefulStop()
	timer.Stop()
	err := s.http.Close()
	if closing := s.engine.close(); closing != nil {
		return closing
	}
	if err != nil {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}

// Stats returns what a subscription, by its full name, holds.
func (s *Server) Stats(subscription string) (broker.Stats, error) {
	var stats broker.Stats
	err := s.engine.change(func(b *broker.Broker, now time.Time) error {
		sub, err := b.Subscription(subscription)
		if err == nil {
			stats = b.Inspect(now, sub)
		}
		return err
	})
	return stats, err
}

// Retained returns how many messages a topic, by its full name, keeps for any
// subscription, snapshot or its own retention.
func (s *Server) Retained(topic string) (int, error) {
	n := 0
	err := s.engine.change(func(b *broker.Broker, now time.Time) (err error) {
		b.Advance(now)
		n, err = b.Retained(topic)
		return err
	})
	return n, err
}
