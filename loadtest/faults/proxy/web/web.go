// Package web cuts HTTP/1.1 connections into requests and answers for the fault
// proxy. Every byte passes as it was sent: headers, chunks and trailers.
package web

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"

	"github.com/provingground/provingground/loadtest/faults/proxy"
)

const (
	maxHead = 64 << 10
	// maxNamed bounds the bodies that are looked into for a name; larger ones are
	// not held at all.
	maxNamed = 64 << 10
)

// A Naming names the operation of a request. Body is nil when it is chunked,
// waits for 100 Continue, or is larger than 64 KiB.
type Naming func(r *http.Request, body []byte) string

// Protocol returns the protocol of a server that speaks HTTP/1.1 without TLS. A
// connection that is upgraded passes uncut from there.
func Protocol(name Naming) proxy.Protocol {
	return func() proxy.Session { return &session{name: name} }
}

// session is one connection. A side's buffers belong to its goroutine.
type session struct {
	name             Naming
	request, answer  []byte
	requests, heads  bufio.Reader
	inRequest, inAns bytes.Reader
}

// Request implements proxy.Session.
func (s *session) Request(client *bufio.Reader) (proxy.Request, error) {
	head, err := readHead(client, s.request[:0])
	if err != nil {
		return proxy.Request{}, err
	}
	s.request = head
	r, err := s.parseRequest(head)
	if err != nil {
		return proxy.Request{}, err
	}
	req := proxy.Request{
		Message: proxy.Message{Head: head, Rest: rest(client, r.TransferEncoding, r.ContentLength)},
		Through: r.Header.Get("Upgrade") != "",
	}
	if r.Header.Get("Expect") != "" {
		req.Invite = []byte("HTTP/1.1 100 Continue\r\n\r\n")
	}
	var body []byte
	if req.Invite == nil && r.ContentLength > 0 && r.ContentLength <= maxNamed {
		if s.request, err = extend(client, head, int(r.ContentLength)); err != nil {
			return proxy.Request{}, err
		}
		req.Head, req.Rest = s.request, nil
		body = s.request[len(head):]
	}
	req.Operation = &proxy.Operation{Name: s.name(r, body), Note: r.Method}
	return req, nil
}

func (s *session) parseRequest(head []byte) (*http.Request, error) {
	s.inRequest.Reset(head)
	s.requests.Reset(&s.inRequest)
	r, err := http.ReadRequest(&s.requests)
	if err != nil {
		return nil, malformed(err)
	}
	if r.ProtoMajor != 1 {
		return nil, malformed(errors.New("HTTP/2 is not cut here"))
	}
	return r, nil
}

// Answer implements proxy.Session.
func (s *session) Answer(server *bufio.Reader, op *proxy.Operation) (proxy.Answer, error) {
	head, err := readHead(server, s.answer[:0])
	if err != nil {
		return proxy.Answer{}, err
	}
	s.answer = head
	method := http.MethodGet
	if op != nil {
		method, _ = op.Note.(string)
	}
	s.inAns.Reset(head)
	s.heads.Reset(&s.inAns)
	r, err := http.ReadResponse(&s.heads, &http.Request{Method: method})
	if err != nil {
		return proxy.Answer{}, malformed(err)
	}
	answer := proxy.Answer{Message: proxy.Message{Head: head}}
	if r.StatusCode < 200 {
		answer.Aside = true
		return answer, nil
	}
	answer.Last = true
	if method != http.MethodHead && r.StatusCode != http.StatusNoContent && r.StatusCode != http.StatusNotModified {
		answer.Rest = rest(server, r.TransferEncoding, r.ContentLength)
	}
	return answer, nil
}
