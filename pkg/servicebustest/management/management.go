// Package management answers the requests that clients send to the $management
// node of an entity: a message with an operation and a map comes, a message
// with a status and a map goes back. It is a function of the broker and the
// request; links are somebody else's.
//
// Operations: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response
package management

import (
	"errors"
	"net/http"
	"strings"

	"github.com/provingground/provingground/pkg/servicebustest/access"
	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
	"github.com/provingground/provingground/pkg/servicebustest/message"
)

// Node is the name of the node below an entity.
const Node = "$management"

// Reply is the answer to a request. Status is that of HTTP; the condition is
// empty if it went well.
type Reply struct {
	Status      int32
	Description string
	Condition   broker.Condition
	Body        any
}

// Encode returns the reply as a message. It carries the id of the request with
// its type, and status and description under both names that clients look for.
func (r Reply) Encode(request message.Message) []byte {
	p := message.Parts{Application: encoding.Map{
		{Key: "statusCode", Value: r.Status},
		{Key: "status-code", Value: r.Status},
		{Key: "statusDescription", Value: r.Description},
		{Key: "status-description", Value: r.Description},
	}}
	if r.Condition != "" {
		p.Application = append(p.Application, encoding.Entry{Key: "errorCondition", Value: encoding.Symbol(r.Condition)})
	}
	id := request.Properties().At(message.PropertyMessageID)
	p.Properties = message.SetProperty(nil, message.PropertyCorrelationID, id)
	return message.New(p, message.Value(r.Body)).Append(nil, message.Stamp{})
}

// Fail is the reply to a request that failed.
func Fail(err error) Reply {
	var e *broker.Error
	if !errors.As(err, &e) {
		return Reply{Status: http.StatusInternalServerError, Description: err.Error(), Condition: "amqp:internal-error"}
	}
	return Reply{Status: status(e.Condition), Description: e.Description, Condition: e.Condition}
}

func status(c broker.Condition) int32 {
	switch c {
	case broker.NotFound, broker.MessageNotFound:
		return http.StatusNotFound
	case broker.MessageLockLost, broker.SessionLockLost:
		return http.StatusGone
	case broker.EntityAlreadyExists, broker.SessionTaken:
		return http.StatusConflict
	case broker.ArgumentError, broker.NotAllowed:
		return http.StatusBadRequest
	case broker.ResourceLimit, broker.EntityDisabled:
		return http.StatusForbidden
	case broker.Timeout:
		return http.StatusRequestTimeout
	case "com.microsoft:server-busy":
		return http.StatusServiceUnavailable
	case "amqp:unauthorized-access":
		return http.StatusUnauthorized
	}
	return http.StatusInternalServerError
}

// Request is a request as it was read.
type Request struct {
	Message   message.Message
	Operation string // without com.microsoft:
	Body      encoding.Map
}

// Read reads a request. One without an operation or with another body than a
// map has that missing.
func Read(m message.Message) Request {
	operation, _ := m.Application().Get("operation")
	body, _ := m.Value().(encoding.Map)
	return Request{m, strings.TrimPrefix(encoding.Text(operation), "com.microsoft:"), body}
}

// Needs returns the right that an operation needs.
func (r Request) Needs() access.Rights {
	switch r.Operation {
	case "schedule-message", "cancel-scheduled-message":
		return access.Send
	case "add-rule", "remove-rule", "enumerate-rules":
		return access.Manage
	}
	return access.Listen
}

// Answer carries out a request for the entity with the path.
func Answer(b *broker.Broker, path string, r Request) Reply {
	f := operation(r.Operation)
	if f == nil {
		return Reply{Status: http.StatusNotImplemented, Description: "The operation '" + r.Operation + "' is not implemented.", Condition: "amqp:not-implemented"}
	}
	body, err := f(b, path, arguments{r.Body})
	switch {
	case err != nil:
		return Fail(err)
	case body == nil:
		return Reply{Status: http.StatusNoContent, Description: "No Content"}
	}
	return Reply{Status: http.StatusOK, Description: "OK", Body: body}
}

// done is the body of an answer that has nothing to say but succeeds.
func done() encoding.Map { return encoding.Map{} }

// operation returns what carries out an operation; its nil map means that there
// is nothing (any more).
func operation(name string) func(*broker.Broker, string, arguments) (encoding.Map, error) {
	switch name {
	case "renew-lock":
		return renewLock
	case "peek-message":
		return peek
	case "receive-by-sequence-number":
		return receiveDeferred
	case "update-disposition":
		return updateDisposition
	case "schedule-message":
		return schedule
	case "cancel-scheduled-message":
		return cancelScheduled
	case "renew-session-lock":
		return renewSession
	case "set-session-state":
		return setSessionState
	case "get-session-state":
		return sessionState
	case "get-message-sessions":
		return listSessions
	case "add-rule":
		return addRule
	case "remove-rule":
		return removeRule
	case "enumerate-rules":
		return enumerateRules
	}
	return nil
}
