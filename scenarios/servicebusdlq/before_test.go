//go:build unix

package servicebusdlq

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"github.com/provingground/provingground/pkg/tablebatch"
)

// charges counts the charges of an account, by payment.
func (c *cluster) charges(t *testing.T, account string) map[string]int {
	t.Helper()
	n := map[string]int{}
	err := tablebatch.Each(t.Context(), c.payments, fmt.Sprintf("PartitionKey eq '%s'", partition(account)), func(row aztables.EDMEntity) bool {
		if strings.HasPrefix(row.RowKey, rowCharge) {
			n[tablebatch.Text(row, "Payment")]++
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What the question complains of has to be there, else the comparison compares
// nothing: four messages are taken ahead, and the locks of the last ones run out
// while the first ones are handled.
func TestTheProcessorAsItWasBooksTwiceWhatItTookAhead(t *testing.T) {
	c := newCluster(t)
	const queue = "servicebusdlq-before"
	for i := range 4 {
		m := newMessage(fmt.Sprintf("a-payment-taken-ahead-%d", i), paymentBody{Account: "acme", Version: 1, Data: []byte(`{"amount":1,"partner_ms":2500}`)}, time.Now())
		if err := c.send(t, queue, m); err != nil {
			t.Fatal(err)
		}
	}
	start(t, func(ctx context.Context) error {
		return Before{Queue: queue, Prefetch: 4, Loops: 1}.run(ctx, c.process.Client, ledger{c.payments}, c.process.metrics, c.process.Log)
	})
	await(t, "a payment is booked twice", func() bool {
		for _, n := range c.charges(t, "acme") {
			if n > 1 {
				return true
			}
		}
		return false
	})
	if c.outcome(t, "before-lost") == 0 {
		t.Error("no lock was lost")
	}
}
