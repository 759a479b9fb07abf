// Package namespace makes the entities of a Config.json, the form that Microsoft's
// Service Bus emulator reads, in a local server through its administration API. In
// Azure the ARM template beside the file makes them.
package namespace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus/admin"

	"github.com/provingground/provingground/pkg/servicebustest/config"
)

// Apply makes the queues of a Config.json that are missing and updates the others.
// It removes nothing, and refuses a file with topics, which no scenario has.
// Connection is that of the namespace, adminURL where its administration answers in
// plain HTTP. It may run again at any time, and after an error.
func Apply(ctx context.Context, connection, adminURL string, file []byte) error {
	ns, err := config.Parse(bytes.NewReader(file))
	if err != nil {
		return fmt.Errorf("namespace: %w", err)
	}
	if len(ns.Topics) > 0 {
		return errors.New("namespace: topics are not made here")
	}
	client, err := open(connection, adminURL)
	if err != nil {
		return err
	}
	for _, q := range ns.Queues {
		if err := makeQueue(ctx, client, q); err != nil {
			return fmt.Errorf("namespace: queue %s: %w", q.Name, err)
		}
	}
	return nil
}

// Active returns how many messages of a queue are active, locked ones among them:
// what the azure-servicebus scaler of KEDA counts.
func Active(ctx context.Context, connection, adminURL, queue string) (int, error) {
	client, err := open(connection, adminURL)
	if err != nil {
		return 0, err
	}
	found, err := client.GetQueueRuntimeProperties(ctx, queue, nil)
	if err != nil {
		return 0, fmt.Errorf("namespace: queue %s: %w", queue, err)
	}
	if found == nil {
		return 0, fmt.Errorf("namespace: there is no queue %s", queue)
	}
	return int(found.ActiveMessageCount), nil
}

func open(connection, adminURL string) (*admin.Client, error) {
	at, err := url.Parse(adminURL)
	if err != nil {
		return nil, fmt.Errorf("namespace: %w", err)
	}
	client, err := admin.NewClientFromConnectionString(connection, &admin.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: plain{at.Host}, Retry: policy.RetryOptions{MaxRetries: 3, RetryDelay: 100 * time.Millisecond},
	}})
	if err != nil {
		return nil, fmt.Errorf("namespace: %w", err)
	}
	return client, nil
}

// plain sends requests without TLS, to a host of its own: the SDK knows no other
// way than HTTPS at the namespace's name.
type plain struct{ host string }

// Do implements policy.Transporter.
func (p plain) Do(r *http.Request) (*http.Response, error) {
	r.URL.Scheme, r.URL.Host = "http", p.host
	return http.DefaultClient.Do(r)
}

func makeQueue(ctx context.Context, client *admin.Client, q config.Queue) error {
	p := properties(q.Properties)
	_, err := client.CreateQueue(ctx, q.Name, &admin.CreateQueueOptions{Properties: &p})
	if refused, ok := errors.AsType[*azcore.ResponseError](err); ok && refused.StatusCode == http.StatusConflict {
		_, err = client.UpdateQueue(ctx, q.Name, p, nil)
	}
	return err
}

func properties(p config.Properties) admin.QueueProperties {
	q := admin.QueueProperties{
		LockDuration: duration(p.LockDuration), DefaultMessageTimeToLive: duration(p.DefaultMessageTimeToLive),
		RequiresSession: &p.RequiresSession, DeadLetteringOnMessageExpiration: &p.DeadLetteringOnMessageExpiration,
		RequiresDuplicateDetection: &p.RequiresDuplicateDetection,
	}
	if p.MaxDeliveryCount > 0 {
		q.MaxDeliveryCount = to.Ptr(int32(p.MaxDeliveryCount))
	}
	if p.RequiresDuplicateDetection {
		q.DuplicateDetectionHistoryTimeWindow = duration(p.DuplicateDetectionHistoryTimeWindow)
	}
	return q
}

func duration(d *config.Duration) *string {
	if d == nil {
		return nil
	}
	return to.Ptr(config.FormatDuration(time.Duration(*d)))
}
