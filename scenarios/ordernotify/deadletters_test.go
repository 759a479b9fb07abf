//go:build unix

package ordernotify

import (
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/provingground/provingground/pkg/sqsconsumer/deadqueue"
)

func TestDeadLettersAreListedRepairedAndRedriven(t *testing.T) {
	c := newCluster(t)
	c.startInventory(t)
	product := c.product(t, 5)
	id := c.place(t, product, 2)
	good := c.events(t, id)[0]
	bad := strings.Replace(good, `"schemaversion":1`, `"schemaversion":7`, 1)
	q := c.queue(t, "ordernotify-inventory")
	if _, err := c.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.URL, MessageBody: &bad}); err != nil {
		t.Fatal(err)
	}
	letters, err := deadqueue.Open(t.Context(), c.sqs, "ordernotify-inventory")
	if err != nil {
		t.Fatal(err)
	}
	list := func() []deadqueue.Letter {
		all, err := letters.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	eventually(t, "it is a dead letter", func() bool { return len(list()) == 1 })
	letter := list()[0] // still there after it was listed
	if letter.Body != bad || !strings.Contains(letter.Reason, "schema version 7") {
		t.Errorf("dead letter %q with reason %q", letter.Body, letter.Reason)
	}
	if sent, err := letters.Redrive(t.Context(), "another id", good); err != nil || len(sent) != 0 {
		t.Errorf("redrive of an unknown id: %v, %v", sent, err)
	}
	if sent, err := letters.Redrive(t.Context(), letter.ID, good); err != nil || len(sent) != 1 {
		t.Fatalf("redrive: %v, %v", sent, err)
	}
	eventually(t, "it is decided on", func() bool { return c.find(t, id).Status == Confirmed })
	if _, err := c.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.URL, MessageBody: &good}); err != nil {
		t.Fatal(err) // as a redrive that was cut off before its deletion, and repeated
	}
	eventually(t, "the queue is empty", func() bool { return c.depth(t, q.URL) == 0 })
	c.wantStock(t, product, 3)
	if left := list(); len(left) != 0 {
		t.Errorf("%d dead letters are left", len(left))
	}
}

// depth counts the messages of a queue, hidden ones included.
func (c *cluster) depth(t *testing.T, url string) int {
	t.Helper()
	out, err := c.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"} {
		here, err := strconv.Atoi(out.Attributes[name])
		if err != nil {
			t.Fatal(err)
		}
		n += here
	}
	return n
}
