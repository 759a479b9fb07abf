package amqp

import (
	"bytes"
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// flow gives credit on link 0; count is how many deliveries the peer has seen.
func (p *peer) flow(nextIncoming, window, count, credit uint32, drain bool) {
	p.t.Helper()
	p.send(0, codeFlow, nextIncoming, window, uint32(0), uint32(100), uint32(0), count, credit, nil, drain)
}

func TestDeliveriesStayInsideTheCredit(t *testing.T) {
	s := &shelf{left: 5, payload: []byte("x")}
	p := opened(t, serving(s, &box{}))
	p.receives(0)
	p.flow(1, 100, 0, 2, false)
	for want := range uint32(2) {
		if f := p.wants(codeTransfer); f.Uint32(1, 9) != want {
			t.Errorf("delivery %v, want %d", f.At(1), want)
		}
	}
	p.flow(3, 100, 2, 1, false)
	p.wants(codeTransfer)
	if n := s.count(); n != 3 {
		t.Errorf("%d messages for a credit of 3", n)
	}
}

func TestADrainUsesUpTheCredit(t *testing.T) {
	p := opened(t, serving(&shelf{left: 3, payload: []byte("x")}, &box{}))
	p.receives(0)
	p.flow(1, 100, 0, 10, true)
	for range 3 {
		p.wants(codeTransfer)
	}
	f := p.wants(codeFlow)
	if !f.Bool(8) || f.Uint32(5, 0) != 10 || f.Uint32(6, 9) != 0 {
		t.Errorf("flow %v, want a delivery count of 10 and no credit", f)
	}
	p.flow(4, 100, 10, 5, true) // nothing is left: the answer comes at once
	if f := p.wants(codeFlow); f.Uint32(5, 0) != 15 {
		t.Errorf("flow %v, want a delivery count of 15", f)
	}
}

func TestAMessageIsCutAndWaitsForTheWindow(t *testing.T) {
	payload := bytes.Repeat([]byte("0123456789"), 300)
	p := opened(t, serving(&shelf{left: 1, payload: payload}, &box{}))
	p.receives(0)
	p.flow(1, 1, 0, 1, false)
	var got []byte
	for next := uint32(2); ; next++ {
		code, f, part := p.frame()
		if code != codeTransfer {
			t.Fatalf("performative %#x", code)
		}
		got = append(got, part...)
		if !f.Bool(5) {
			break
		}
		p.flow(next, 1, 1, 0, false) // one frame more
	}
	if !bytes.Equal(got, payload) {
		t.Errorf("%d bytes, want %d", len(got), len(payload))
	}
}

func TestAWideRangeOfDispositionsCostsNothing(t *testing.T) {
	s := &shelf{left: 3, payload: []byte("x")}
	p := opened(t, serving(s, &box{}))
	p.receives(0)
	p.flow(1, 100, 0, 3, false)
	for range 3 {
		p.wants(codeTransfer)
	}
	p.send(0, codeDisposition, true, uint32(0), uint32(1<<32-1), false, composite(codeAccepted))
	for range 3 {
		if f := p.wants(codeDisposition); !f.Bool(3) {
			t.Errorf("disposition %v", f)
		}
	}
	p.send(0, codeDisposition, true, uint32(0), nil, false, composite(codeAccepted)) // again: the lock is lost
	f := p.wants(codeDisposition)
	code, state, _ := encoding.Composite(f.At(4))
	_, e, _ := encoding.Composite(state.At(0))
	if code != codeRejected || e.Text(0) != "com.microsoft:message-lock-lost" || len(e) != 3 {
		t.Errorf("state %#x %v", code, e)
	}
}

func TestOutcomesArriveAsThePeerMeansThem(t *testing.T) {
	s := &shelf{left: 5, payload: []byte("x")}
	p := opened(t, serving(s, &box{}))
	p.receives(0)
	p.flow(1, 100, 0, 5, false)
	info := encoding.Map{{Key: encoding.Symbol("DeadLetterReason"), Value: "why"}}
	states := []any{
		composite(codeAccepted),
		composite(codeReleased),
		composite(codeModified, false, true, encoding.Map{{Key: encoding.Symbol("k"), Value: "v"}}),
		composite(codeRejected, composite(codeError, encoding.Symbol("c"), "d", info)),
		nil,
	}
	for id, state := range states {
		p.wants(codeTransfer)
		p.send(0, codeDisposition, true, uint32(id), nil, true, state)
	}
	p.flow(6, 100, 5, 0, true)
	p.wants(codeFlow) // all before it has been handled
	want := []Kind{Accepted, Released, Modified, Rejected, Accepted}
	if len(s.settled) != len(want) {
		t.Fatalf("settled %v", s.settled)
	}
	for i, o := range s.settled {
		if o.Kind != want[i] {
			t.Errorf("outcome %d is %v, want %v", i, o, want[i])
		}
	}
	if !s.settled[2].Undeliverable || s.settled[3].Condition != "c" || len(s.settled[3].Info) != 1 {
		t.Errorf("settled %+v", s.settled)
	}
}

func TestMessagesOfManyFramesAreJoined(t *testing.T) {
	b := &box{}
	p := opened(t, serving(&shelf{}, b))
	p.sends(0)
	p.transfer("one ", uint32(0), uint32(0), []byte("t"), uint32(0), false, true)
	p.transfer("two ", uint32(0), nil, nil, nil, nil, true)
	p.transfer("three", uint32(0))
	p.wants(codeDisposition)
	p.transfer("lost", uint32(0), uint32(1), []byte("t"), uint32(0), false, true)
	p.transfer("", uint32(0), nil, nil, nil, nil, false, nil, nil, nil, true) // aborted
	p.transfer("next", uint32(0), uint32(2), []byte("t"), uint32(0))
	p.wants(codeDisposition)
	if got := strings.Join(b.got, "|"); got != "one two three|next" {
		t.Errorf("got %q", got)
	}
}

func TestAMessageThatIsTooLargeIsRejectedAndNotKept(t *testing.T) {
	b := &box{}
	cfg := serving(&shelf{}, b)
	cfg.MaxMessage = 2000
	p := opened(t, cfg)
	p.sends(0)
	part := strings.Repeat("x", 900)
	p.transfer(part, uint32(0), uint32(0), []byte("t"), uint32(0), false, true)
	for range 50 {
		p.transfer(part, uint32(0), nil, nil, nil, nil, true)
	}
	p.transfer(part, uint32(0))
	code, state, _ := encoding.Composite(p.wants(codeDisposition).At(4))
	_, e, _ := encoding.Composite(state.At(0))
	if code != codeRejected || e.Text(0) != "amqp:link:message-size-exceeded" {
		t.Errorf("state %#x %v", code, e)
	}
	p.transfer("small", uint32(0), uint32(1), []byte("t"), uint32(0))
	p.wants(codeDisposition)
	if len(b.got) != 1 {
		t.Errorf("%d messages", len(b.got))
	}
}

func TestUnfinishedMessagesOfAConnectionAreBounded(t *testing.T) {
	cfg := serving(&shelf{}, &box{})
	cfg.MaxMessage = 64 << 20
	p := opened(t, cfg)
	p.sends(0)
	part := strings.Repeat("x", 60_000)
	for i := range maxPartial/len(part) + 1 {
		fields := []any{uint32(0), nil, nil, nil, nil, true}
		if i == 0 {
			fields = []any{uint32(0), uint32(0), []byte("t"), uint32(0), false, true}
		}
		p.transfer(part, fields...)
	}
	p.closedWith("amqp:resource-limit-exceeded")
}

func TestCreditOfASenderIsRenewed(t *testing.T) {
	p := opened(t, serving(&shelf{}, &box{}))
	p.sends(0)
	for id := range uint32(creditForPeer/2 + 1) {
		p.transfer("x", uint32(0), id, []byte("t"), uint32(0), true)
	}
	if f := p.wants(codeFlow); f.Uint32(5, 0) != creditForPeer/2+1 || f.Uint32(6, 0) != creditForPeer {
		t.Errorf("flow %v", f)
	}
}

func TestARefusalIsAnAttachWithoutAnEndAndADetach(t *testing.T) {
	p := opened(t, Config{Attach: func(a *Attach) { a.Refuse(Errorf("amqp:not-found", "no %s", a.Address)) }})
	for handle, receiver := range []bool{true, false} {
		p.send(0, codeAttach, "l", uint32(handle), receiver, nil, nil, composite(codeSource, "q"), composite(codeTarget, "q"))
		if f := p.wants(codeAttach); f.Has(5) || f.Has(6) || receiver && !f.Has(9) {
			t.Errorf("attach %v", f)
		}
		_, e, _ := encoding.Composite(p.wants(codeDetach).At(2))
		if e.Text(0) != "amqp:not-found" {
			t.Errorf("detach %v", e)
		}
		p.send(0, codeDetach, uint32(handle), true) // which nobody answers
		p.send(0, codeFlow, uint32(1), uint32(1), uint32(0), uint32(1), nil, nil, nil, nil, nil, true)
		if code, _, _ := p.frame(); code != codeFlow {
			t.Errorf("the answer to a detach is answered with %#x", code)
		}
	}
}

func TestALinkIsDetachedFromThisEndOnce(t *testing.T) {
	s := &shelf{}
	p := opened(t, serving(s, &box{}))
	p.receives(0)
	s.link.Detach(Errorf("com.microsoft:session-lock-lost", "over"))
	s.link.Detach(Errorf("amqp:internal-error", "again"))
	_, e, _ := encoding.Composite(p.wants(codeDetach).At(2))
	if e.Text(0) != "com.microsoft:session-lock-lost" {
		t.Errorf("detached with %v", e)
	}
	p.flow(1, 1, 0, 1, false) // sent before the peer knew
	p.send(0, codeDetach, uint32(0), true)
	p.send(0, codeEnd)
	if code, _, _ := p.frame(); code != codeEnd {
		t.Errorf("performative %#x", code)
	}
	p.send(0, codeClose)
	_ = p.ends()
	if s.closed != 1 {
		t.Errorf("the source was closed %d times", s.closed)
	}
}
