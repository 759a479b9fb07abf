//go:build unix

package detour_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	goredis "github.com/redis/go-redis/v9"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/loadtest/faults/detour"
	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/proxytest"
)

// threeWrites is the process that the matrix kills: it writes to Redis, to
// DynamoDB and to Redis again.
func threeWrites() int {
	ctx := context.Background()
	cache, err := redisClient(os.Getenv("REDIS_URL"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer cache.Close()
	table := dynamoClient(os.Getenv("AWS_ENDPOINT_URL_DYNAMODB"))
	err = cache.Set(ctx, "first", "done", 0).Err()
	if err == nil {
		_, err = table.PutItem(ctx, &dynamodb.PutItemInput{TableName: sdk.String("orders"), Item: key("second")})
	}
	if err == nil {
		err = cache.Set(ctx, "third", "done", 0).Err()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func redisClient(url string) (*goredis.Client, error) {
	o, err := goredis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	o.MaxRetries = -1
	return goredis.NewClient(o), nil
}

func dynamoClient(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, Retryer: sdk.NopRetryer{}, HTTPClient: &proxytest.Calm{},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

func key(id string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}}
}

// effects is where the writes of the process arrive.
type effects struct {
	cache *goredis.Client
	table *dynamodb.Client
}

func newEffects(t *testing.T, set *server.Set) effects {
	t.Helper()
	cache, err := redisClient(set.Env()["REDIS_URL"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	e := effects{cache, dynamoClient(set.Env()["AWS_ENDPOINT_URL_DYNAMODB"])}
	_, err = e.table.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: sdk.String("orders"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: sdk.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: sdk.String("id"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// take returns the writes that are there, and removes them.
func (e effects) take(t *testing.T) (there []string) {
	t.Helper()
	out, err := e.table.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: sdk.String("orders"), Key: key("second"), ReturnValues: types.ReturnValueAllOld,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first", "second", "third"} {
		found := name == "second" && len(out.Attributes) > 0
		if name != "second" {
			found = e.cache.GetDel(t.Context(), name).Val() != ""
		}
		if found {
			there = append(there, name)
		}
	}
	return there
}

func child(t *testing.T, d *detour.Detour) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "THREE_WRITES=1")
	for name, value := range d.Env() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stderr = t.Output()
	return cmd
}

func TestAKillMatrixStopsAProcessAtEveryOperation(t *testing.T) {
	set := servertest.Start(t, "dynamodb", "redis")
	d := start(t, set)
	e := newEffects(t, set)
	if err := child(t, d).Run(); err != nil {
		t.Fatal(err)
	}
	all := []string{"first", "second", "third"}
	if got := e.take(t); !slices.Equal(got, all) {
		t.Fatalf("a clean run wrote %v", got)
	}
	steps := d.Steps(1)
	want := []detour.Step{
		{Server: "redis", Step: proxy.Step{Operation: "SET first", Nth: 1}},
		{Server: "dynamodb", Step: proxy.Step{Operation: "PutItem orders", Nth: 1}},
		{Server: "redis", Step: proxy.Step{Operation: "SET third", Nth: 1}},
	}
	if !slices.Equal(steps, want) {
		t.Fatalf("a clean run was recorded as %v, want %v", steps, want)
	}
	for i, step := range steps {
		for _, when := range []proxy.When{proxy.Before, proxy.After} {
			done := i
			if when == proxy.After {
				done++
			}
			t.Run(fmt.Sprintf("%v %v", when, step), func(t *testing.T) {
				killAt(t, d, step, when)
				if got := e.take(t); !slices.Equal(got, all[:done]) {
					t.Errorf("the process left %v, want %v", got, all[:done])
				}
			})
		}
	}
}

// killAt runs the process until it is killed at a step.
func killAt(t *testing.T, d *detour.Detour, step detour.Step, when proxy.When) {
	t.Helper()
	cmd := child(t, d)
	started := make(chan struct{})
	row, err := d.KillAt(step, when, func() error { <-started; return cmd.Process.Kill() })
	if err != nil {
		t.Fatal(err)
	}
	defer row.Remove()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	err = cmd.Wait()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if err == nil || !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the process ended with %v, want a kill", err)
	}
	<-row.Done()
	if row.Err() != nil {
		t.Error(row.Err())
	}
}
