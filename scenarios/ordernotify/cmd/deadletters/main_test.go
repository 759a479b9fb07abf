//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/role"
	"github.com/provingground/provingground/scenarios/ordernotify"
)

func TestMistakesInTheCallSayHowItIsUsed(t *testing.T) {
	for _, args := range [][]string{
		{}, {"lst", "q"}, {"list"}, {"list", "-id", "x", "q"}, {"redrive"}, {"redrive", "a", "b"}, {"redrive", "-body", "f", "q"}, {"redrive", "-nosuch", "q"},
	} {
		err := run(t.Context(), os.Getenv, args, io.Discard)
		if !errors.Is(err, role.ErrUsage) || !strings.Contains(err.Error(), "redrive [-id ID]") {
			t.Errorf("deadletters %q = %v, want its usage", args, err)
		}
	}
}

func TestABodyThatCannotBeReadChangesNothing(t *testing.T) {
	err := run(t.Context(), os.Getenv, []string{"redrive", "-id", "x", "-body", "/nowhere/at/all", "q"}, io.Discard)
	if !errors.Is(err, role.ErrUsage) {
		t.Errorf("deadletters = %v, want a configuration error", err)
	}
}

func TestTheCommandListsADeadLetterAndSendsItBackRepaired(t *testing.T) {
	for name, value := range servertest.Start(t, "aws").Env() {
		t.Setenv(name, value)
	}
	cfg, err := ordernotify.LoadAWS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := sqs.NewFromConfig(cfg)
	urls := map[string]*string{}
	for _, name := range []string{"orders", "orders-dead"} {
		out, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
		if err != nil {
			t.Fatal(err)
		}
		urls[name] = out.QueueUrl
	}
	_, err = client.SendMessage(t.Context(), &sqs.SendMessageInput{
		QueueUrl: urls["orders-dead"], MessageBody: aws.String("broken"), MessageAttributes: map[string]types.MessageAttributeValue{
			"dead-letter-reason": {DataType: aws.String("String"), StringValue: aws.String("not an event")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	call := func(args ...string) []byte {
		var out bytes.Buffer
		if err := run(t.Context(), os.Getenv, args, &out); err != nil {
			t.Fatalf("deadletters %q: %v", args, err)
		}
		return out.Bytes()
	}
	var letter struct{ ID, Reason, Body string }
	if err := json.Unmarshal(call("list", "orders"), &letter); err != nil || letter.Reason != "not an event" || letter.Body != "broken" {
		t.Fatalf("listed %+v, %v", letter, err)
	}
	repaired := t.TempDir() + "/repaired.json"
	if err := os.WriteFile(repaired, []byte("mended"), 0o600); err != nil {
		t.Fatal(err)
	}
	if audit := string(call("redrive", "-id", letter.ID, "-body", repaired, "orders")); !strings.Contains(audit, letter.ID) {
		t.Errorf("audit line %q does not name the message", audit)
	}
	out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: urls["orders"], WaitTimeSeconds: 5})
	if err != nil || len(out.Messages) != 1 || aws.ToString(out.Messages[0].Body) != "mended" {
		t.Errorf("the queue holds %v, %v; want the repaired message", out, err)
	}
	if err := run(t.Context(), os.Getenv, []string{"redrive", "-id", letter.ID, "orders"}, io.Discard); err == nil {
		t.Error("a message that is gone was sent back again")
	}
}
