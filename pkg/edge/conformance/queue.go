package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/provingground/provingground/pkg/edge/queue"
)

// send sends the words of its body as messages. A word is an order to the consumer
// and a name: ack-1, retry-2, fail-3.
func (w *worker) send(out http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		answer(out, nil, err)
		return
	}
	var all []queue.Outgoing
	for word := range strings.FieldsSeq(string(text)) {
		m := queue.Outgoing{Body: []byte(word)}
		if strings.HasPrefix(word, "late") {
			m.Delay = time.Second
		}
		all = append(all, m)
	}
	answer(out, len(all), queue.Queue{Binding: "JOBS"}.Send(r.Context(), all...))
}

// consume notes each message in KV and does with it what its first word says.
func (w *worker) consume(ctx context.Context, name string, batch []*queue.Message) error {
	fails := false
	for _, m := range batch {
		what := string(m.Body)
		waited := time.Since(m.Sent) >= time.Second
		note := fmt.Sprintf("%s attempt %d waited %t", name, m.Attempts, waited)
		if err := w.store.Put(ctx, what, []byte(note)); err != nil {
			return err
		}
		switch {
		case name == "dead":
		case strings.HasPrefix(what, "retry") && m.Attempts < 2:
			m.Retry(time.Second)
		case strings.HasPrefix(what, "poison"):
			m.Retry(0)
		case strings.HasPrefix(what, "fail") && m.Attempts < 2:
			fails = true
		}
	}
	if fails {
		panic("a batch that fails on purpose")
	}
	return nil
}
