package proxytest

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/provingground/provingground/loadtest/faults/proxy"
)

// Requests cuts what a client sent and returns the names of its operations. It
// fails the test if a session changes, drops or invents a byte.
func Requests(t testing.TB, session proxy.Session, sent []byte) (operations []string) {
	t.Helper()
	r := bufio.NewReaderSize(bytes.NewReader(sent), 64)
	var out bytes.Buffer
	for {
		req, err := session.Request(r)
		if err != nil {
			break
		}
		if req.Local != nil { // not for the server
			out.Write(req.Head)
			continue
		}
		if req.Operation != nil {
			operations = append(operations, req.Operation.Name)
			if strings.Contains(req.Operation.Name, "/") || len(req.Operation.Name) > 300 {
				t.Errorf("an operation is called %q", req.Operation.Name)
			}
		}
		if !carry(&out, req.Message) || req.Through {
			break
		}
	}
	if !bytes.HasPrefix(sent, out.Bytes()) {
		t.Errorf("sent %q, forwarded %q", sent, out.Bytes())
	}
	return operations
}

// Answers cuts what a server sent to an operation, and returns how many answers ended.
func Answers(t testing.TB, session proxy.Session, op *proxy.Operation, sent []byte) (ended int) {
	t.Helper()
	r := bufio.NewReaderSize(bytes.NewReader(sent), 64)
	var out bytes.Buffer
	for {
		answer, err := session.Answer(r, op)
		if err != nil || !carry(&out, answer.Message) {
			break
		}
		if answer.Last {
			ended++
		}
	}
	if !bytes.HasPrefix(sent, out.Bytes()) {
		t.Errorf("sent %q, delivered %q", sent, out.Bytes())
	}
	return ended
}

func carry(out io.Writer, m proxy.Message) bool {
	if _, err := out.Write(m.Head); err != nil {
		return false
	}
	return m.Rest == nil || m.Rest(out) == nil
}
