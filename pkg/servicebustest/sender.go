package servicebustest

import (
	"github.com/provingground/provingground/pkg/servicebustest/amqp"
	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/message"
)

// batchFormat is the message format of many messages in one transfer.
const batchFormat = 0x80013700

// sender takes what a client sends to a queue or a topic.
type sender struct {
	connection *connection
	path       string
}

func (s *sender) Close() {}

// Transfer takes a message or a batch, all of it or nothing.
func (s *sender) Transfer(t *amqp.Transfer) {
	messages, err := parse(t)
	if err != nil {
		t.Reject(amqp.Errorf("amqp:decode-error", "%v", err))
		return
	}
	s.connection.run(step{
		entity: s.path, operation: OpSend, link: t.Link(), answer: t.Accept, fail: t.Reject,
		do: func() *amqp.Error {
			s.connection.server.core.do(func(b *broker.Broker) { _, err = b.Send(s.path, messages...) })
			return wireError(err)
		},
	})
}

func parse(t *amqp.Transfer) ([]message.Message, error) {
	m, err := message.Parse(t.Payload)
	if err != nil || t.Format != batchFormat {
		return []message.Message{m}, err
	}
	parts, err := m.Batch()
	if err != nil {
		return nil, err
	}
	all := make([]message.Message, len(parts))
	for i, part := range parts {
		if all[i], err = message.Parse(part); err != nil {
			return nil, err
		}
	}
	return all, nil
}
