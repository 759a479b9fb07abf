package orderprocessor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/provingground/provingground/pkg/problem"
	"github.com/provingground/provingground/pkg/role"
)

// maxListed is how many dead letters a list has at most.
const maxListed = 200

// A letter is an order that will not be processed as it is.
type letter struct {
	MessageID   string    `json:"message_id"`
	Order       string    `json:"order,omitempty"`
	Customer    string    `json:"customer,omitempty"`
	Reason      string    `json:"reason"`
	Description string    `json:"description"`
	Enqueued    time.Time `json:"enqueued"`
	Deliveries  uint32    `json:"deliveries"`
}

// deadLetters lists the dead-letter queue without taking anything from it.
func deadLetters(ctx context.Context, client *azservicebus.Client, queue string) ([]letter, error) {
	receiver, err := client.NewReceiverForQueue(queue, &azservicebus.ReceiverOptions{SubQueue: azservicebus.SubQueueDeadLetter})
	if err != nil {
		return nil, fmt.Errorf("dead letters of %s: %w", queue, err)
	}
	defer receiver.Close(context.WithoutCancel(ctx))
	found, err := receiver.PeekMessages(ctx, maxListed, nil)
	if err != nil {
		return nil, fmt.Errorf("dead letters of %s: %w", queue, err)
	}
	all := make([]letter, 0, len(found))
	for _, m := range found {
		l := letter{MessageID: m.MessageID, Reason: text(m.DeadLetterReason), Description: text(m.DeadLetterErrorDescription), Customer: text(m.SessionID), Deliveries: m.DeliveryCount}
		l.Order, _ = m.ApplicationProperties[propertyID].(string)
		if m.EnqueuedTime != nil {
			l.Enqueued = *m.EnqueuedTime
		}
		all = append(all, l)
	}
	return all, nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// listDeadLetters answers whoever has the administration's token.
func listDeadLetters(client *azservicebus.Client, queue, token string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !role.Authorized(r, token) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			problem.New(http.StatusUnauthorized, "unauthorized", http.StatusText(http.StatusUnauthorized), "Send the administration's token.").Write(w)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
		defer cancel()
		all, err := deadLetters(ctx, client, queue)
		if err != nil {
			problem.New(http.StatusServiceUnavailable, "not-attempted", "Not attempted", "Service Bus does not answer: ask again.").After(1).Write(w)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		json.NewEncoder(w).Encode(all) // the client is gone if this fails
	}
}
