package imageresize

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/provingground/provingground/pkg/sqsconsumer"
	"github.com/provingground/provingground/pkg/traces"
)

// worker is the host of the handler where processes run all the time: it receives
// from the queue itself.
func (r *Resizer) worker(q sqsconsumer.Queue, log *slog.Logger, visibility time.Duration) *sqsconsumer.Consumer {
	return &sqsconsumer.Consumer{
		Client: q.Client, QueueURL: q.URL, DeadLetterURL: q.DeadLetterURL,
		Handle: r.message,
		Probe:  r.there,
		// One worker receives ten messages, which wait their turn for the jobs of this
		// process. More would only keep them from other processes.
		Workers: 1, Visibility: visibility, Wait: 2 * time.Second, MaxReceives: maxTries, Grace: 5 * time.Second,
		Observe: func(m sqsconsumer.Message, o sqsconsumer.Outcome, err error) {
			r.metrics.messages.WithLabelValues(string(o)).Inc()
			if err != nil {
				log.Warn("message", "id", m.ID, "receives", m.Receives, "outcome", string(o), "error", err)
			}
		},
	}
}

// traced gives each message a span. It links to nothing: S3's events carry no trace.
func traced(t *traces.Provider, q sqsconsumer.Queue, handle func(context.Context, sqsconsumer.Message) error) func(context.Context, sqsconsumer.Message) error {
	from := traces.Channel{System: "aws_sqs", Name: q.Name}
	return traces.Each(t, from, func(m sqsconsumer.Message) map[string]string { return m.Attributes }, handle)
}

func (r *Resizer) message(ctx context.Context, m sqsconsumer.Message) error {
	err := r.Handle(ctx, m.Body, m.Receives)
	if errors.Is(err, errPoison) {
		return sqsconsumer.Permanent(err)
	}
	return err
}

// there asks whether both stores answer.
func (r *Resizer) there(ctx context.Context) error {
	return errors.Join(r.images.there(ctx), r.records.there(ctx))
}
