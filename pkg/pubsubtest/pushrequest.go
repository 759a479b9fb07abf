package pubsubtest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/provingground/provingground/pkg/pubsubtest/broker"
)

// envelope is the body of a push request; the service sends some names twice.
type envelope struct {
	Message         pushedMessage `json:"message"`
	Subscription    string        `json:"subscription"`
	DeliveryAttempt int           `json:"deliveryAttempt,omitempty"`
}

type pushedMessage struct {
	Attributes   map[string]string `json:"attributes,omitempty"`
	Data         []byte            `json:"data,omitempty"`
	MessageID    string            `json:"messageId"`
	MessageID2   string            `json:"message_id"`
	PublishTime  string            `json:"publishTime"`
	PublishTime2 string            `json:"publish_time"`
	OrderingKey  string            `json:"orderingKey,omitempty"`
}

func (p *pusher) request(ctx context.Context, config *pubsubpb.Subscription, d broker.Delivery) (*http.Request, error) {
	push := config.GetPushConfig()
	body, err := pushBody(config, d)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, push.GetPushEndpoint(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "CloudPubSub-Google")
	if push.GetNoWrapper() == nil {
		r.Header.Set("Content-Type", "application/json")
	} else if push.GetNoWrapper().GetWriteMetadata() {
		writeMetadata(r.Header, config.GetName(), d.Message)
	}
	return r, p.authorize(r, push)
}

func (p *pusher) authorize(r *http.Request, push *pubsubpb.PushConfig) error {
	oidc := push.GetOidcToken()
	if oidc == nil {
		return nil
	}
	audience := oidc.GetAudience()
	if audience == "" {
		audience = push.GetPushEndpoint()
	}
	token, err := p.tokens.sign(oidc.GetServiceAccountEmail(), audience)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}

func pushBody(config *pubsubpb.Subscription, d broker.Delivery) ([]byte, error) {
	m := d.Message
	if config.GetPushConfig().GetNoWrapper() != nil {
		return m.GetData(), nil
	}
	at := m.GetPublishTime().AsTime().Format(time.RFC3339Nano)
	return json.Marshal(envelope{
		Subscription: config.GetName(), DeliveryAttempt: d.Attempt,
		Message: pushedMessage{
			Attributes: m.GetAttributes(), Data: m.GetData(), MessageID: m.GetMessageId(), MessageID2: m.GetMessageId(),
			PublishTime: at, PublishTime2: at, OrderingKey: m.GetOrderingKey(),
		},
	})
}

// writeMetadata sets the headers of an unwrapped message (page "Payload
// unwrapping for push subscriptions").
func writeMetadata(h http.Header, subscription string, m *pubsubpb.PubsubMessage) {
	h.Set("X-Goog-Pubsub-Subscription-Name", subscription)
	h.Set("X-Goog-Pubsub-Message-Id", m.GetMessageId())
	h.Set("X-Goog-Pubsub-Publish-Time", m.GetPublishTime().AsTime().Format(time.RFC3339Nano))
	if key := m.GetOrderingKey(); key != "" {
		h.Set("X-Goog-Pubsub-Ordering-Key", key)
	}
	for k, v := range m.GetAttributes() {
		if !strings.ContainsAny(k+v, "\r\n") {
			h.Set(k, v)
		}
	}
}
