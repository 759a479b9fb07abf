// Package redis cuts Redis connections (RESP2 and RESP3) into commands for the
// fault proxy.
package redis

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/provingground/provingground/loadtest/faults/proxy"
)

const (
	// maxHeld is how much of a command is held to be named; values beyond it pass
	// as they come.
	maxHeld = 64 << 10
	maxArgs = 1 << 20 // as Redis itself bounds it
	maxBulk = 512 << 20
	maxName = 80
)

// Protocol returns the protocol of a Redis server without TLS.
//
// A command is called by its name and the first part of its key: "SET session"
// for SET session:42. A transaction is one operation, EXEC, named with what it
// executes: "EXEC SET_session+INCR_hits". A connection that subscribes, or turns
// replies off, passes uncut from there.
func Protocol() proxy.Protocol { return func() proxy.Session { return &session{} } }

// session is one connection.
type session struct {
	held   []byte   // of the requests' side
	queued []string // since MULTI; nil outside a transaction
}

// Request implements proxy.Session.
func (s *session) Request(client *bufio.Reader) (proxy.Request, error) {
	first, err := client.Peek(1)
	if err != nil {
		return proxy.Request{}, err
	}
	s.held = s.held[:0]
	if first[0] != '*' {
		return s.inline(client)
	}
	args, rest, err := s.command(client)
	if err != nil {
		return proxy.Request{}, err
	}
	return s.request(args, rest), nil
}

func (s *session) inline(client *bufio.Reader) (proxy.Request, error) {
	line, err := readLine(client)
	if err != nil {
		return proxy.Request{}, err
	}
	s.held = append(s.held, line...)
	return s.request(strings.Fields(string(line)), nil), nil
}

// command reads an array of bulk strings: the first arguments, and what copies
// those that are too large to hold.
func (s *session) command(client *bufio.Reader) (args []string, rest func(io.Writer) error, err error) {
	n, err := s.header(client, '*', maxArgs)
	if err != nil {
		return nil, nil, err
	}
	for i := range n {
		size, err := s.header(client, '$', maxBulk)
		if err != nil {
			return nil, nil, err
		}
		if len(s.held)+int(size) > maxHeld {
			return args, func(dst io.Writer) error { return copyArgs(dst, client, size, n-i-1) }, nil
		}
		at := len(s.held)
		s.held = append(s.held, make([]byte, size+2)...)
		if _, err := io.ReadFull(client, s.held[at:]); err != nil {
			return nil, nil, cutOff(err)
		}
		if len(args) < 4 {
			args = append(args, string(s.held[at:at+int(size)]))
		}
	}
	return args, nil, nil
}

func (s *session) header(client *bufio.Reader, kind byte, limit int64) (int64, error) {
	line, err := readLine(client)
	if err != nil {
		return 0, err
	}
	s.held = append(s.held, line...)
	if line[0] != kind {
		return 0, fmt.Errorf("redis: %.20q where %q begins", line, kind)
	}
	n, err := length(line)
	if err != nil || n > limit {
		return 0, fmt.Errorf("redis: length %.20q", line)
	}
	return max(n, 0), nil
}

// copyArgs copies an argument whose header was read, then n more.
func copyArgs(dst io.Writer, src *bufio.Reader, size, n int64) error {
	if err := proxy.CopyN(dst, src, size+2); err != nil {
		return err
	}
	for range n {
		if err := copyReply(dst, src, 0); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) request(args []string, rest func(io.Writer) error) proxy.Request {
	req := proxy.Request{Message: proxy.Message{Head: s.held, Rest: rest}}
	if len(args) == 0 { // an empty command has no answer
		return req
	}
	command := strings.ToUpper(args[0])
	req.Operation = s.operation(command, args)
	req.Through = uncut(command, args)
	return req
}

func (s *session) operation(command string, args []string) *proxy.Operation {
	name := called(command, args)
	switch {
	case command == "MULTI":
		s.queued = []string{}
		return &proxy.Operation{Name: name, Minor: true}
	case command == "EXEC" && s.queued != nil:
		name = "EXEC " + short(strings.Join(s.queued, "+"))
		s.queued = nil
	case command == "DISCARD":
		s.queued = nil
	case s.queued != nil:
		if len(s.queued) < 16 {
			s.queued = append(s.queued, strings.ReplaceAll(name, " ", "_"))
		}
		return &proxy.Operation{Name: name, Minor: true}
	}
	return &proxy.Operation{Name: strings.TrimSpace(name), Minor: setsUp(command)}
}

// setsUp reports whether the command only prepares the connection.
func setsUp(command string) bool {
	switch command {
	case "HELLO", "AUTH", "CLIENT", "SELECT", "READONLY":
		return true
	}
	return false
}

// uncut reports whether answers cease to match commands.
func uncut(command string, args []string) bool {
	switch command {
	case "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR", "SYNC", "PSYNC":
		return true
	}
	return command == "CLIENT" && len(args) > 2 && strings.EqualFold(args[1], "reply") && !strings.EqualFold(args[2], "on")
}

func length(line []byte) (int64, error) {
	return strconv.ParseInt(strings.TrimSpace(string(line[1:])), 10, 64)
}
