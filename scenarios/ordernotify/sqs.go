package ordernotify

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/sqsconsumer"
	"github.com/provingground/provingground/pkg/traces"
)

// consumer of a queue whose handler needs the database. The template's
// maxReceiveCount is far above MaxReceives: it is for messages that kill.
func consumer(q sqsconsumer.Queue, db *pgxpool.Pool, m *metrics, log *slog.Logger, visibility time.Duration, handle func(context.Context, sqsconsumer.Message) error) *sqsconsumer.Consumer {
	return &sqsconsumer.Consumer{
		Client: q.Client, QueueURL: q.URL, DeadLetterURL: q.DeadLetterURL, Handle: handle,
		Probe:   db.Ping,
		Workers: 4, Visibility: visibility, Wait: 2 * time.Second, MaxReceives: 5, Grace: 5 * time.Second,
		Observe: func(message sqsconsumer.Message, o sqsconsumer.Outcome, err error) {
			m.messages.WithLabelValues(q.Name, string(o)).Inc()
			if err != nil {
				log.Warn("message", "queue", q.Name, "id", message.ID, "receives", message.Receives, "outcome", string(o), "error", err)
			}
		},
	}
}

// traced gives each message a span that links to the request which it comes from.
func traced(t *traces.Provider, q sqsconsumer.Queue, handle func(context.Context, sqsconsumer.Message) error) func(context.Context, sqsconsumer.Message) error {
	from := traces.Channel{System: "aws_sqs", Name: q.Name}
	return traces.Each(t, from, func(m sqsconsumer.Message) map[string]string { return m.Attributes }, handle)
}
