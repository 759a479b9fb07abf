// Package pubsub is a fault proxy for Google Pub/Sub, or any gRPC server without
// TLS. It forwards every call as it is, messages uncopied into types, and lets
// the faults of [proxy.Proxy] take single calls, which a proxy of connections
// cannot: many are under way on one.
//
// An operation is a call, "Publish orders", "Acknowledge mail": the method, and
// the last part of the resource that the request names first. Of a call with a
// stream of answers each answer is one, "StreamingPull mail": a lost one ends
// the stream, and the messages in it stay leased to nobody. What the client says
// on an open stream passes.
//
// Where a fault breaks the connection, the client sees that call alone fail, with
// Unavailable, as gRPC reports a connection that was lost. The link
// ([proxy.Proxy.SetLink]) breaks connections themselves.
package pubsub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/provingground/provingground/loadtest/faults/proxy"
)

const (
	maxMessage = 32 << 20 // bytes of one gRPC message
	window     = 1 << 20  // of a stream: large batches flow
)

// Proxy is a running proxy.
type Proxy struct {
	*proxy.Proxy
	server  *grpc.Server
	backend *grpc.ClientConn
	serving sync.WaitGroup
	failed  error // of serving
}

// Start listens on a free port of 127.0.0.1, before a gRPC server at o.Server;
// o.Protocol must be nil. The proxy runs until Close; ctx bounds the start alone.
func Start(ctx context.Context, o proxy.Options) (*Proxy, error) {
	if o.Protocol != nil {
		return nil, errors.New("pubsub: calls are cut here, a protocol is not wanted")
	}
	backend, err := dial(o.Server)
	if err != nil {
		return nil, fmt.Errorf("pubsub: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("pubsub: %w", err), backend.Close())
	}
	// Clients come to the listener through the wire of a plain proxy.
	o.Server, o.Told = listener.Addr().String(), true
	wire, err := proxy.Start(ctx, o)
	if err != nil {
		return nil, errors.Join(err, listener.Close(), backend.Close())
	}
	p := &Proxy{Proxy: wire, backend: backend}
	p.server = grpc.NewServer(
		grpc.ForceServerCodecV2(codec{}), grpc.UnknownServiceHandler(p.handle), grpc.WaitForHandlers(true),
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage),
		grpc.InitialWindowSize(window), grpc.InitialConnWindowSize(window),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
	)
	p.serving.Go(func() { p.failed = p.server.Serve(listener) })
	return p, nil
}

// dial returns a connection that looks for a server that was away every half a
// second: the clients' own patience is what is tested.
func dial(server string) (*grpc.ClientConn, error) {
	often := backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 500 * time.Millisecond}
	return grpc.NewClient("passthrough:///"+server,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: often, MinConnectTimeout: time.Second}),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{}), grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithInitialWindowSize(window), grpc.WithInitialConnWindowSize(window),
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(),
	)
}

// Close breaks all connections and returns when nothing of the proxy runs.
func (p *Proxy) Close() error {
	err := p.Proxy.Close()
	p.server.Stop()
	p.serving.Wait()
	return errors.Join(err, p.failed, p.backend.Close())
}
