package pubsubproducer_test

import (
	"context"
	"errors"
	"net/http"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/provingground/provingground/pkg/pubsubproducer"
)

// An HTTP handler that answers when Pub/Sub has the order: 503 promises that nothing
// was done, 504 does not.
func Example() {
	serve := func(ctx context.Context) error {
		client, err := pubsubproducer.Open(ctx, "my-project")
		if err != nil {
			return err
		}
		defer client.Close()
		orders := pubsubproducer.NewTopic(client, "orders", true, 3*time.Second, time.Millisecond)
		defer orders.Stop()
		return http.ListenAndServe("127.0.0.1:8080", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			err := orders.Publish(r.Context(), &pubsub.Message{Data: []byte(`{"order":1}`), OrderingKey: r.FormValue("customer")})
			switch {
			case err == nil:
				w.WriteHeader(http.StatusAccepted)
			case errors.Is(err, pubsubproducer.ErrNotAttempted):
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				w.WriteHeader(http.StatusGatewayTimeout)
			}
		}))
	}
	_ = serve
	// Output:
}
