package amqp

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

func TestAConnectionThatSaysNothingIsDropped(t *testing.T) {
	for _, begin := range []string{"", "AMQ", headerSASL, headerAMQP + "\x00\x00"} {
		p := dial(t, Config{Handshake: 50 * time.Millisecond})
		p.write(begin)
		if err := p.ends(); err == nil {
			t.Errorf("%q: no error", begin)
		}
	}
}

func TestAnIdleConnectionIsDropped(t *testing.T) {
	cfg := serving(&shelf{}, &box{})
	cfg.Idle = 50 * time.Millisecond
	p := opened(t, cfg)
	if err := p.ends(); err == nil {
		t.Error("no error")
	}
}

func TestAnotherProtocolGetsAnAnswerItCanRead(t *testing.T) {
	for begin, want := range map[string]string{
		"AMQP\x00\x00\x09\x01":                        headerSASL,
		"\x16\x03\x01\x02\x00\x01\x00\x01":            headerSASL,
		"GET /$servicebus/websocket HTTP/1.1\r\n\r\n": noWebSocket,
	} {
		p := dial(t, Config{})
		p.write(begin)
		got, _ := io.ReadAll(p.frames.r)
		if !strings.HasPrefix(want, string(got)) || len(got) == 0 {
			t.Errorf("%q: answer %q, want %q", begin, got, want)
		}
		_ = p.ends()
	}
}

func TestSASLOffersItsMechanismsAndChecksPlain(t *testing.T) {
	cfg := Config{Authenticate: func(user, password string) bool { return user == "u" && password == "p" }}
	for response, want := range map[string]uint8{"\x00u\x00p": 0, "\x00u\x00x": 1, "rubbish": 1} {
		p := dial(t, cfg)
		p.write(headerSASL)
		_, _ = io.ReadFull(p.frames.r, make([]byte, 8))
		_, f, _ := p.frame()
		if len(encoding.Items(f.At(0))) != 4 {
			t.Errorf("mechanisms %v", f)
		}
		p.write(string(appendPerformative(nil, frameSASL, 0, codeInit, encoding.Symbol("PLAIN"), []byte(response))))
		if _, f, _ := p.frame(); f.At(0) != want {
			t.Errorf("%q: outcome %v, want %d", response, f.At(0), want)
		}
	}
}

func TestFramesThatBreakTheRulesCloseTheConnection(t *testing.T) {
	performative := func(channel uint16, code uint64, fields ...any) string {
		return string(appendPerformative(nil, frameAMQP, channel, code, fields...))
	}
	for name, frame := range map[string]string{
		"a frame of 4 GB":               "\xff\xff\xff\xff\x02\x00\x00\x00",
		"a frame shorter than its head": "\x00\x00\x00\x07\x02\x00\x00\x00",
		"a data offset behind the end":  "\x00\x00\x00\x0c\xff\x00\x00\x00\x00\x00\x00\x00",
		"a data offset in the head":     "\x00\x00\x00\x0c\x01\x00\x00\x00\x00\x00\x00\x00",
		"rubbish":                       "\x00\x00\x00\x0c\x02\x00\x00\x00\xff\xff\xff\xff",
		"a SASL frame":                  string(appendPerformative(nil, frameSASL, 0, codeInit, nil)),
		"open twice":                    performative(0, codeOpen, "x"),
		"begin twice":                   performative(0, codeBegin, nil, uint32(0), uint32(1), uint32(1)),
		"a channel beyond the limit":    performative(60000, codeBegin, nil, uint32(0), uint32(1), uint32(1)),
		"no session":                    performative(7, codeFlow),
		"an unknown performative":       performative(0, 0x99),
		"attach without a name":         performative(0, codeAttach, nil, uint32(0), true),
		"a handle beyond the limit":     performative(0, codeAttach, "x", uint32(1<<31), true),
		"transfer without a link":       performative(0, codeTransfer, uint32(9)),
		"flow without a link":           performative(0, codeFlow, nil, uint32(1), uint32(1), uint32(1), uint32(9)),
		"detach without a link":         performative(0, codeDetach, uint32(9)),
	} {
		t.Run(name, func(t *testing.T) {
			p := opened(t, serving(&shelf{}, &box{}))
			p.write(frame)
			p.closedWith("amqp:connection:framing-error")
		})
	}
}

func TestTheServerSendsHeartbeats(t *testing.T) {
	p := dial(t, Config{})
	p.write(headerAMQP)
	_, _ = io.ReadFull(p.frames.r, make([]byte, 8))
	p.send(0, codeOpen, "peer", nil, nil, nil, uint32(50))
	p.wants(codeOpen)
	for range 3 {
		if f, err := p.frames.next(); err != nil || len(f.body) != 0 {
			t.Fatalf("frame %+v, %v", f, err)
		}
	}
}

func TestCloseIsAnsweredBeforeTheConnectionEnds(t *testing.T) {
	s, b := &shelf{}, &box{}
	p := opened(t, serving(s, b))
	p.receives(0)
	p.sends(1)
	p.send(0, codeClose)
	p.wants(codeClose)
	if err := p.ends(); err != nil {
		t.Error(err)
	}
	if s.closed != 1 || b.closed != 1 {
		t.Errorf("the source was closed %d times, the sink %d times", s.closed, b.closed)
	}
}

func TestThousandsOfLinksAreBounded(t *testing.T) {
	cfg := serving(&shelf{}, &box{})
	cfg.MaxLinks = 300
	p := opened(t, cfg)
	go func() { // the answers are read meanwhile
		for channel := range uint16(40) {
			if channel > 0 {
				_, _ = p.net.Write(appendPerformative(nil, frameAMQP, channel, codeBegin, nil, uint32(0), uint32(1), uint32(1)))
			}
			for handle := range uint32(250) {
				_, _ = p.net.Write(appendPerformative(nil, frameAMQP, channel, codeAttach, "l", handle, false, nil, nil,
					composite(codeSource), composite(codeTarget, "q")))
			}
		}
	}()
	attaches, refused := 0, 0
	for attaches < 10_000 || refused < 9_700 {
		switch code, f, _ := p.frame(); code {
		case codeAttach:
			attaches++
		case codeDetach:
			_, e, _ := encoding.Composite(f.At(2))
			if e.Text(0) != "amqp:resource-limit-exceeded" {
				t.Fatalf("detached with %v", e)
			}
			refused++
		}
	}
	if attaches != 10_000 || refused != 9_700 {
		t.Errorf("%d attaches, %d refused", attaches, refused)
	}
}

// TestAPeerThatDoesNotReadCostsOneBuffer gives credit for everything and reads
// nothing.
func TestAPeerThatDoesNotReadCostsOneBuffer(t *testing.T) {
	s := &shelf{left: 1 << 30, payload: make([]byte, 10_000)}
	p := opened(t, serving(s, &box{}))
	p.receives(0)
	p.send(0, codeFlow, uint32(1), uint32(1<<31-1), uint32(0), uint32(1), uint32(0), uint32(0), uint32(1<<31-1))
	last := -1
	for n := s.count(); n != last; n = s.count() { // until nothing more is taken
		last = n
		for range 200 {
			runtime.Gosched()
			time.Sleep(time.Millisecond)
		}
	}
	// Both ends' socket buffers hold some megabytes as well.
	if taken := s.count() * len(s.payload); taken > 64<<20 || taken == 0 {
		t.Errorf("%d bytes were taken for a peer that does not read", taken)
	}
}

func FuzzServe(f *testing.F) {
	attach := appendPerformative(nil, frameAMQP, 0, codeAttach, "in", uint32(0), true, nil, nil, composite(codeSource, "q"), composite(codeTarget))
	flow := appendPerformative(nil, frameAMQP, 0, codeFlow, uint32(1), uint32(10), uint32(0), uint32(1), uint32(0), uint32(0), uint32(5))
	f.Add(append(attach, flow...))
	f.Add(appendPerformative(nil, frameAMQP, 0, codeDisposition, true, uint32(0), uint32(1<<32-1), true, composite(codeAccepted)))
	f.Add([]byte("\x00\x00\x00\x08\x02\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := opened(t, serving(&shelf{left: 10, payload: make([]byte, 3000)}, &box{}))
		go func() { _, _ = io.Copy(io.Discard, p.net) }()
		_, _ = p.net.Write(b)
		_ = p.net.Close()
		_ = p.ends()
	})
}
