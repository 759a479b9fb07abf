package amqp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Bounds of what waits to be written on one connection. Sources are asked for
// more below highWater only; the reader stops above fullWater.
const (
	highWater = 256 << 10
	fullWater = 4 << 20
	// maxPartial bounds the messages of a connection of which not every frame
	// has come.
	maxPartial = 16 << 20
)

// Conn is one connection with a peer.
type Conn struct {
	cfg    Config
	net    net.Conn
	frames frameReader
	user   string // of SASL PLAIN

	mu       sync.Mutex // guards what follows, and sessions and links
	room     *sync.Cond // out has become shorter, or the connection ends
	out      []byte
	sessions map[uint16]*session
	links    int
	partial  int
	maxFrame uint32 // what the peer accepts
	opened   bool
	closing  bool // nothing follows what is in out
	ended    bool

	// The writer's work list has its own lock: a Source wakes its link while
	// it holds its own locks.
	readyMu sync.Mutex
	ready   []*Link
	wake    chan struct{}

	beat  chan time.Duration // how often the peer wants a frame
	done  chan struct{}      // closed when Serve begins to end
	tasks sync.WaitGroup     // After
}

// NewConn prepares a connection; Serve runs it.
func NewConn(nc net.Conn, cfg Config) *Conn {
	cfg = cfg.withDefaults()
	c := &Conn{
		cfg: cfg, net: nc,
		frames:   frameReader{r: bufio.NewReaderSize(nc, 64<<10), max: cfg.MaxFrame},
		sessions: map[uint16]*session{},
		maxFrame: 512, // until the peer says more (part 2, section 2.4.1)
		wake:     make(chan struct{}, 1),
		beat:     make(chan time.Duration, 1),
		done:     make(chan struct{}),
	}
	c.room = sync.NewCond(&c.mu)
	return c
}

// User is the user that logged in with SASL PLAIN, or "".
func (c *Conn) User() string { return c.user }

// Abort cuts the connection without a word, as a lost network does.
func (c *Conn) Abort() { _ = c.net.Close() }

// After runs f when d has passed, unless the connection ends before. Serve
// waits for it.
func (c *Conn) After(d time.Duration, f func()) {
	c.tasks.Go(func() {
		select {
		case <-time.After(d):
			f()
		case <-c.done:
		}
	})
}

// Serve talks to the peer until one of both ends it or ctx is done, and then
// closes every link and the network connection. A peer that just goes is no
// error.
func (c *Conn) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, c.Abort)
	defer stop()
	defer func() { _ = c.net.Close() }()
	_ = c.net.SetDeadline(time.Now().Add(c.cfg.Handshake))
	if err := c.negotiate(); err != nil {
		return quiet(err)
	}
	_ = c.net.SetWriteDeadline(time.Time{})
	var writer sync.WaitGroup
	writer.Go(func() {
		c.write()
		_ = c.net.Close() // ends the reader
	})
	err := c.read()
	c.end(err)
	writer.Wait()
	c.tasks.Wait()
	c.closeLinks()
	return quiet(err)
}

func quiet(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, errClosed) {
		return nil
	}
	return err
}

// end lets the writer send what is left, with the reason if this end has one.
func (c *Conn) end(err error) {
	c.mu.Lock()
	var reason *Error
	if errors.As(err, &reason) || errors.Is(err, errFrame) {
		if reason == nil {
			reason = Errorf("amqp:connection:framing-error", "%v", err)
		}
		c.closeWith(reason)
	}
	c.ended = true
	c.room.Broadcast()
	c.mu.Unlock()
	close(c.done)
}

// closeWith sends a close once; the caller holds mu.
func (c *Conn) closeWith(reason *Error) {
	if c.closing {
		return
	}
	c.send(0, codeClose, reason.encoded())
	c.closing = true
	c.signal()
}

// Close ends the connection in order: with a close frame and its reason.
func (c *Conn) Close(reason *Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeWith(reason)
}

func (c *Conn) closeLinks() {
	for _, s := range c.sessions {
		s.closeLinks()
	}
}

// read handles frames until there are no more.
func (c *Conn) read() error {
	for {
		f, err := c.frames.next()
		if err != nil {
			return err
		}
		if c.opened {
			_ = c.net.SetReadDeadline(time.Now().Add(c.cfg.Idle))
		}
		if len(f.body) == 0 { // a heartbeat
			continue
		}
		if err := c.handle(f); err != nil {
			return err
		}
		c.waitForRoom()
	}
}

// waitForRoom stops reading while too much waits to be written: a peer that
// does not read is not read either.
func (c *Conn) waitForRoom() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.out) > fullWater && !c.ended {
		c.room.Wait()
	}
}

// errClosed says that the peer closed in order.
var errClosed = errors.New("amqp: closed by the peer")

func (c *Conn) handle(f frame) error {
	code, fields, payload, err := encoding.DecodeComposite(f.body)
	if err != nil || f.kind != frameAMQP {
		return fmt.Errorf("%w: kind %d: %w", errFrame, f.kind, err)
	}
	switch {
	case code == codeOpen:
		return c.handleOpen(fields)
	case !c.opened:
		return fmt.Errorf("%w: performative %#x before open", errFrame, code)
	case code == codeBegin:
		return c.handleBegin(f.channel, fields)
	case code == codeClose:
		c.Close(nil)
		return errClosed
	}
	c.mu.Lock()
	s := c.sessions[f.channel]
	c.mu.Unlock()
	if s == nil {
		return fmt.Errorf("%w: performative %#x on channel %d without a session", errFrame, code, f.channel)
	}
	return s.handle(code, fields, payload)
}

func (c *Conn) handleOpen(f encoding.Fields) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opened {
		return fmt.Errorf("%w: open twice", errFrame)
	}
	c.opened = true
	c.maxFrame = max(512, min(f.Uint32(2, 1<<32-1), c.cfg.MaxFrame))
	idle := uint32(c.cfg.Idle / 2 / time.Millisecond) // #nosec: minutes
	c.send(0, codeOpen, c.cfg.Container, nil, c.cfg.MaxFrame, c.cfg.MaxSessions-1, idle)
	if ms := f.Uint32(4, 0); ms > 0 {
		c.beat <- max(time.Duration(ms)*time.Millisecond/2, 10*time.Millisecond)
	}
	return nil
}

func (c *Conn) handleBegin(channel uint16, f encoding.Fields) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if channel >= c.cfg.MaxSessions || c.sessions[channel] != nil {
		return fmt.Errorf("%w: begin on channel %d", errFrame, channel)
	}
	c.sessions[channel] = newSession(c, channel, f)
	return nil
}

// send appends a frame to what the writer sends; the caller holds mu.
func (c *Conn) send(channel uint16, code uint64, fields ...any) {
	if c.closing {
		return
	}
	c.out = appendPerformative(c.out, frameAMQP, channel, code, fields...)
	c.signal()
}

// signal wakes the writer.
func (c *Conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}
