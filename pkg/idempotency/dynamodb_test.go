//go:build unix

package idempotency_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/idempotency"
)

const keep = 48 * time.Hour

// orders is a table with effects and the records of their keys.
type orders struct {
	db   *dynamodb.Client
	keys idempotency.Table
}

func newOrders(t *testing.T) orders {
	t.Helper()
	env := servertest.Start(t, "dynamodb").Env()
	db := dynamodb.New(dynamodb.Options{
		Region:       env["AWS_REGION"],
		BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL_DYNAMODB"]),
		Credentials:  credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
	})
	_, err := db.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName:            aws.String("orders"),
		BillingMode:          types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		t.Fatalf("create table: %v", err)
	}
	return orders{db, idempotency.Table{Client: db, Name: "orders", Hash: "id", TTL: "ttl", Keep: keep}}
}

// place makes an order that must be new, with the record of its key.
func (o orders) place(ctx context.Context, r idempotency.Record, id string, now time.Time) error {
	order := types.TransactWriteItem{Put: &types.Put{
		TableName:           &o.keys.Name,
		Item:                map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}},
		ConditionExpression: aws.String("attribute_not_exists(id)"),
	}}
	_, err := o.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{o.keys.Put(r, now), order},
	})
	return err
}

func (o orders) exists(t *testing.T, id string) bool {
	t.Helper()
	out, err := o.db.GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName:      &o.keys.Name,
		Key:            map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}},
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Item) > 0
}

// wantRecord compares what is kept of a key; an empty answer means nothing.
func (o orders) wantRecord(t *testing.T, key string, now time.Time, print, answer string) {
	t.Helper()
	r, found, err := o.keys.Get(t.Context(), key, now)
	if err != nil {
		t.Fatal(err)
	}
	if found != (answer != "") || r.Fingerprint != print || string(r.Answer) != answer {
		t.Errorf("Get(%q) = %q, %q, %v; want %q, %q", key, r.Fingerprint, r.Answer, found, print, answer)
	}
}

func TestRecordsInDynamoDB(t *testing.T) {
	o := newOrders(t)
	for name, test := range map[string]func(*testing.T, orders){
		"effect and record commit together":                commitTogether,
		"a second use of the key leaves no effect":         secondUse,
		"a refused effect leaves no record":                refusedEffect,
		"an expired record is as good as none":             expiredRecord,
		"a key cannot name the caller's own items":         keySpace,
		"of many transactions with one key one is granted": oneOfMany,
	} {
		t.Run(name, func(t *testing.T) { test(t, o) })
	}
}

func start() time.Time { return time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC) }

func commitTogether(t *testing.T, o orders) {
	o.wantRecord(t, "key-of-commit-together", start(), "", "")
	r := idempotency.Record{Key: "key-of-commit-together", Fingerprint: "print", Answer: []byte("order 1")}
	if err := o.place(t.Context(), r, "commit-1", start()); err != nil {
		t.Fatal(err)
	}
	if !o.exists(t, "commit-1") {
		t.Error("the transaction was granted and its order is not there")
	}
	o.wantRecord(t, r.Key, start(), "print", "order 1")
}

func secondUse(t *testing.T, o orders) {
	r := idempotency.Record{Key: "key-of-second-use", Fingerprint: "print", Answer: []byte("order 1")}
	if err := o.place(t.Context(), r, "second-1", start()); err != nil {
		t.Fatal(err)
	}
	r.Answer = []byte("order 2")
	err := o.place(t.Context(), r, "second-2", start().Add(time.Minute))
	if !idempotency.Refused(err, 0) || idempotency.Refused(err, 1) {
		t.Errorf("second use: %v, want it refused by the record and nothing else", err)
	}
	if o.exists(t, "second-2") {
		t.Error("the second use of a key had an effect")
	}
	o.wantRecord(t, r.Key, start(), "print", "order 1")
}

func refusedEffect(t *testing.T, o orders) {
	first := idempotency.Record{Key: "key-of-refused-effect-1", Fingerprint: "print", Answer: []byte("1")}
	if err := o.place(t.Context(), first, "taken", start()); err != nil {
		t.Fatal(err)
	}
	second := idempotency.Record{Key: "key-of-refused-effect-2", Fingerprint: "print", Answer: []byte("2")}
	err := o.place(t.Context(), second, "taken", start())
	if idempotency.Refused(err, 0) || !idempotency.Refused(err, 1) {
		t.Errorf("order that exists: %v, want it refused by the order and not by the record", err)
	}
	o.wantRecord(t, second.Key, start(), "", "")
}

func expiredRecord(t *testing.T, o orders) {
	r := idempotency.Record{Key: "key-of-expired-record", Fingerprint: "old", Answer: []byte("old")}
	if err := o.place(t.Context(), r, "expired-1", start()); err != nil {
		t.Fatal(err)
	}
	last := start().Add(keep)
	o.wantRecord(t, r.Key, last, "old", "old")
	renewed := idempotency.Record{Key: r.Key, Fingerprint: "new", Answer: []byte("new")}
	if err := o.place(t.Context(), renewed, "expired-2", last); !idempotency.Refused(err, 0) {
		t.Errorf("in the record's last second: %v, want it refused", err)
	}
	after := last.Add(time.Second)
	o.wantRecord(t, r.Key, after, "", "")
	if err := o.place(t.Context(), renewed, "expired-2", after); err != nil {
		t.Errorf("after the record's end: %v, want it granted", err)
	}
	o.wantRecord(t, r.Key, after, "new", "new")
}

func keySpace(t *testing.T, o orders) {
	const id = "an-order-that-is-named-like-a-key"
	if err := o.place(t.Context(), idempotency.Record{Key: "key-of-key-space", Answer: []byte("1")}, id, start()); err != nil {
		t.Fatal(err)
	}
	o.wantRecord(t, id, start(), "", "")
	if err := o.place(t.Context(), idempotency.Record{Key: id, Answer: []byte("2")}, "key-space-2", start()); err != nil {
		t.Errorf("key that equals an order's id: %v, want it granted", err)
	}
}

func oneOfMany(t *testing.T, o orders) {
	results := make(chan error, 8)
	for i := range cap(results) {
		go func() {
			r := idempotency.Record{Key: "key-of-one-of-many", Fingerprint: "print", Answer: []byte{'a' + byte(i)}}
			results <- o.place(t.Context(), r, "many-"+string(r.Answer), start())
		}()
	}
	granted := 0
	for range cap(results) {
		err := <-results
		var canceled *types.TransactionCanceledException
		switch {
		case err == nil:
			granted++
		case !errors.As(err, &canceled):
			t.Errorf("transaction: %v, want it granted or canceled", err)
		}
	}
	effects := 0
	for i := range cap(results) {
		if o.exists(t, "many-"+string(rune('a'+i))) {
			effects++
		}
	}
	if granted != 1 || effects != 1 {
		t.Errorf("%d transactions granted, %d orders made; want one of each", granted, effects)
	}
}

func TestRefusedIsNotFooledByOtherErrors(t *testing.T) {
	reason := func(code string) types.CancellationReason { return types.CancellationReason{Code: &code} }
	conflict := &types.TransactionCanceledException{CancellationReasons: []types.CancellationReason{
		reason("TransactionConflict"), reason("ConditionalCheckFailed"), {},
	}}
	for _, tt := range []struct {
		name string
		err  error
		item int
		want bool
	}{
		{"no error", nil, 0, false},
		{"another error", errors.New("connection reset"), 0, false},
		{"a conflict", conflict, 0, false},
		{"a condition", conflict, 1, true},
		{"a reason without code", conflict, 2, false},
		{"beyond the reasons", conflict, 3, false},
	} {
		if got := idempotency.Refused(tt.err, tt.item); got != tt.want {
			t.Errorf("%s: Refused(…, %d) = %v, want %v", tt.name, tt.item, got, tt.want)
		}
	}
}
