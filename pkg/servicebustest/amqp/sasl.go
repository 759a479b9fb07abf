package amqp

import (
	"bytes"
	"fmt"
	"io"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// Protocol headers (part 2, section 2.2; part 5, section 5.3).
const (
	headerAMQP = "AMQP\x00\x01\x00\x00"
	headerSASL = "AMQP\x03\x01\x00\x00"
)

// noWebSocket is the answer to a client that wants AMQP over WebSocket.
const noWebSocket = "HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" +
	"AMQP over WebSocket is not supported here: use AMQP over TCP.\n"

// negotiate exchanges protocol headers and, if the peer wants it, SASL.
func (c *Conn) negotiate() error {
	header, err := c.exchangeHeader()
	if err != nil || header == headerAMQP {
		return err
	}
	if err := c.authenticate(); err != nil {
		return err
	}
	header, err = c.exchangeHeader()
	if err == nil && header != headerAMQP {
		return fmt.Errorf("%w: SASL twice", errFrame)
	}
	return err
}

// exchangeHeader reads the peer's protocol header and answers with the same, or
// with the one that this end speaks.
func (c *Conn) exchangeHeader() (string, error) {
	var h [8]byte
	if _, err := io.ReadFull(c.frames.r, h[:]); err != nil {
		return "", err
	}
	header := string(h[:])
	if header != headerAMQP && header != headerSASL {
		answer := headerSASL // what this end speaks (part 2, section 2.2)
		if header[:4] == "GET " {
			answer = noWebSocket
		}
		_, _ = io.WriteString(c.net, answer)
		return "", fmt.Errorf("%w: protocol header %q", errFrame, header)
	}
	_, err := io.WriteString(c.net, header)
	return header, err
}

// authenticate runs the server's side of SASL (part 5, section 5.3.2).
func (c *Conn) authenticate() error {
	mechanisms := encoding.Array{
		encoding.Symbol("MSSBCBS"), encoding.Symbol("PLAIN"), encoding.Symbol("ANONYMOUS"), encoding.Symbol("EXTERNAL"),
	}
	if _, err := c.net.Write(appendPerformative(nil, frameSASL, 0, codeMechanisms, mechanisms)); err != nil {
		return err
	}
	f, err := c.frames.next()
	if err != nil {
		return err
	}
	code, fields, _, err := encoding.DecodeComposite(f.body)
	if err != nil || code != codeInit || f.kind != frameSASL {
		return fmt.Errorf("%w: not a SASL init", errFrame)
	}
	outcome := uint8(0)
	if !c.login(fields) {
		outcome = 1 // auth: the connection failed to authenticate
	}
	if _, err := c.net.Write(appendPerformative(nil, frameSASL, 0, codeOutcome, outcome)); err != nil {
		return err
	}
	if outcome != 0 {
		return fmt.Errorf("amqp: SASL %s refused", fields.Text(0))
	}
	return nil
}

// login checks a SASL PLAIN response: authorization id, user and password, each
// after a zero byte (RFC 4616).
func (c *Conn) login(init encoding.Fields) bool {
	if init.Text(0) != "PLAIN" || c.cfg.Authenticate == nil {
		return true
	}
	response, _ := init.At(1).([]byte)
	parts := bytes.Split(response, []byte{0})
	if len(parts) != 3 || !c.cfg.Authenticate(string(parts[1]), string(parts[2])) {
		return false
	}
	c.user = string(parts[1])
	return true
}
