package pubsub

import (
	"context"
	"errors"
	"io"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/provingground/provingground/loadtest/faults/proxy"
)

// Fail answers with a status in the server's place, which never sees the call.
// Clients of Pub/Sub repeat Unavailable, ResourceExhausted, Aborted and, but for
// a publish, Internal; the rest is final.
func Fail(code codes.Code) proxy.Effect {
	return proxy.Instead("fail with "+code.String(), func([]byte) []byte { return []byte{byte(code)} })
}

// handle forwards a call of any method.
func (p *Proxy) handle(_ any, client grpc.ServerStream) error {
	method, ok := grpc.MethodFromServerStream(client)
	if !ok {
		return status.Error(codes.Internal, "a call without a method")
	}
	ctx := metadata.NewOutgoingContext(client.Context(), headers(client.Context()))
	if strings.HasSuffix(method, "/StreamingPull") {
		return p.stream(ctx, method, client)
	}
	var request frame
	if err := client.RecvMsg(&request); err != nil {
		return err
	}
	return p.unary(ctx, method, request, client)
}

func (p *Proxy) unary(ctx context.Context, method string, request frame, client grpc.ServerStream) error {
	var answer frame
	var failed error
	instead, err := p.Call(ctx.Done(), operation(method, request), request, func() {
		failed = p.backend.Invoke(ctx, method, &request, &answer)
	})
	switch {
	case err != nil || instead != nil:
		return broken(instead, err)
	case failed != nil:
		return failed
	}
	return client.SendMsg(&answer)
}

// broken is what a client is told that gets no answer of the server.
func broken(instead []byte, err error) error {
	if err != nil {
		return status.Error(codes.Unavailable, "the connection broke: "+err.Error())
	}
	return status.Error(codes.Code(instead[0]), "a fault answers in the server's place")
}

// headers are what the client sent for the server, without the transport's own.
func headers(ctx context.Context) metadata.MD {
	md, _ := metadata.FromIncomingContext(ctx)
	md = md.Copy()
	for name := range md {
		if strings.HasPrefix(name, ":") || strings.HasPrefix(name, "grpc-") || name == "content-type" || name == "user-agent" || name == "te" {
			delete(md, name)
		}
	}
	return md
}

// stream forwards both ways until one end is done.
func (p *Proxy) stream(ctx context.Context, method string, client grpc.ServerStream) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the server's stream and, with the handler, the other goroutine
	var first frame
	if err := client.RecvMsg(&first); err != nil {
		return err
	}
	server, err := p.backend.NewStream(ctx, &grpc.StreamDesc{StreamName: "any", ClientStreams: true, ServerStreams: true}, method)
	if err != nil {
		return err
	}
	p.serving.Go(func() { upstream(first, client, server) }) // ends with the stream of the client, whose handler this is
	return p.downstream(ctx, operation(method, first), client, server)
}

// upstream passes what the client says. Errors end the other direction, too.
func upstream(next frame, client grpc.ServerStream, server grpc.ClientStream) {
	for {
		if err := server.SendMsg(&next); err != nil {
			return
		}
		next = nil
		if err := client.RecvMsg(&next); err != nil {
			_ = server.CloseSend() // never fails
			return
		}
	}
}

// downstream passes the answers, each an operation.
func (p *Proxy) downstream(ctx context.Context, operation string, client grpc.ServerStream, server grpc.ClientStream) error {
	for {
		// The operation begins when the server has something to say: a stream that
		// waits is none.
		var answer frame
		if err := server.RecvMsg(&answer); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if instead, err := p.Call(ctx.Done(), operation, nil, func() {}); err != nil || instead != nil {
			return broken(instead, err)
		}
		if err := client.SendMsg(&answer); err != nil {
			return err
		}
	}
}
