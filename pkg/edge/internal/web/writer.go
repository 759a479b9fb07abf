package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/provingground/provingground/pkg/edge/internal/host"
)

// maxBuffer is how much of an answer is kept to be sent in one piece; a longer
// one is streamed.
const maxBuffer = 64 << 10

// Writer is the http.ResponseWriter of an event.
type Writer struct {
	ctx     context.Context
	event   *host.Event
	header  http.Header
	status  int
	buffer  []byte
	stream  *Pipe
	replied bool
	err     error
}

// Serve answers one request with h; the event is over when h returns. A panic is
// an answer of 500 and a log line; http.ErrAbortHandler only breaks the answer off.
func Serve(ctx context.Context, e *host.Event, h http.Handler, args []any) {
	r, err := request(ctx, args)
	if err != nil {
		e.ReplyAndEnd([]any{http.StatusBadRequest, []string{}, err.Error() + "\n"})
		return
	}
	w := &Writer{ctx: ctx, event: e, header: http.Header{}}
	defer func() {
		if p := recover(); p != nil {
			w.panicked(p)
		}
	}()
	h.ServeHTTP(w, r)
	w.finish()
}

// Of returns the Writer below w, which middleware may have wrapped.
func Of(w http.ResponseWriter) (*Writer, error) {
	for {
		switch v := w.(type) {
		case *Writer:
			return v, nil
		case interface{ Unwrap() http.ResponseWriter }:
			w = v.Unwrap()
		default:
			return nil, fmt.Errorf("edge: a %T is not the response writer of a Worker", w)
		}
	}
}

// Header returns the header that the first Write or WriteHeader sends.
func (w *Writer) Header() http.Header { return w.header }

// WriteHeader sets the status; the first call counts.
func (w *Writer) WriteHeader(status int) {
	if w.status == 0 && status >= 200 { // 1xx have no way through the platform
		w.status = status
	}
}

// Write keeps b for an answer in one piece, and starts to stream beyond 64 KiB.
func (w *Writer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.err != nil {
		return 0, w.err
	}
	if w.stream == nil && len(w.buffer)+len(b) <= maxBuffer {
		w.buffer = append(w.buffer, b...)
		return len(b), nil
	}
	if err := w.FlushError(); err != nil {
		return 0, err
	}
	n, err := w.stream.Write(b)
	w.err = err
	return n, err
}

// Flush sends what was written so far.
func (w *Writer) Flush() { _ = w.FlushError() }

// FlushError sends what was written so far; it fails once the client went away.
func (w *Writer) FlushError() error {
	w.WriteHeader(http.StatusOK)
	if w.err != nil {
		return w.err
	}
	if w.replied && w.stream == nil {
		w.err = errors.New("edge: the answer was passed on already")
		return w.err
	}
	if w.stream == nil {
		if w.stream, w.err = NewPipe(w.ctx, length(w.header)); w.err != nil {
			return w.err
		}
		w.reply(w.stream.Handle())
	}
	b := w.buffer
	w.buffer = nil
	_, w.err = w.stream.Write(b)
	return w.err
}

// ReadFrom passes a stream of the host on without reading it, where it can.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	if w.replied || len(w.buffer) > 0 {
		return io.Copy(onlyWriter{w}, r)
	}
	handle, size, ok := Passable(r)
	if !ok {
		return io.Copy(onlyWriter{w}, r)
	}
	w.WriteHeader(http.StatusOK)
	w.reply(handle)
	return max(size, 0), nil
}

// onlyWriter hides ReadFrom from io.Copy.
type onlyWriter struct{ io.Writer }

// Forward answers with a response that the host holds, as it is.
func (w *Writer) Forward(handle int) error {
	if w.replied || w.status != 0 {
		return errors.New("edge: an answer can only be passed on before anything is written")
	}
	w.status = http.StatusOK // what it really is, the host knows
	w.replied = true
	w.event.Reply(handle)
	return nil
}

// Upgrade answers 101 with the client's end of a WebSocket.
func (w *Writer) Upgrade(handle int) error {
	if w.replied || w.status != 0 {
		return errors.New("edge: a WebSocket can only be accepted before anything is written")
	}
	w.status = http.StatusSwitchingProtocols
	w.reply(handle)
	return nil
}

func (w *Writer) reply(body any) {
	w.replied = true
	w.event.Reply([]any{w.status, Pairs(w.header), body})
}

func (w *Writer) finish() {
	if w.stream != nil {
		if w.err == nil {
			_ = w.stream.Close() // fails where the client left: nobody to tell
		}
		w.event.End()
		return
	}
	if w.replied {
		w.event.End()
		return
	}
	w.WriteHeader(http.StatusOK)
	var body any // nil is no body at all, which costs the host less than one of no bytes
	if len(w.buffer) > 0 {
		body = w.buffer
	}
	if w.event.Busy() {
		w.reply(body)
		w.event.End()
		return
	}
	w.event.ReplyAndEnd([]any{w.status, Pairs(w.header), body})
}

func (w *Writer) panicked(p any) {
	if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
		_, _ = host.Global("log", "error", fmt.Sprintf("%s: panic: %v\n%s", slog.LevelError, p, debug.Stack()))
	}
	if w.stream != nil {
		w.stream.Abort(errors.New("the handler panicked"))
		w.event.End()
		return
	}
	if !w.replied {
		w.status = http.StatusInternalServerError
		w.header = http.Header{"Content-Type": {"text/plain; charset=utf-8"}}
		w.reply("internal server error\n")
	}
	w.event.End()
}
