//go:build unix

package detour_test

import (
	"context"
	"slices"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/loadtest/faults/detour"
)

// BenchmarkAdded compares calls to the servers with calls through a detour, on
// one connection each, interleaved, so that both see the same machine.
func BenchmarkAdded(b *testing.B) {
	servers := servertest.Start(b, "dynamodb", "redis")
	d, err := detour.Start(b.Context(), servers, servers.Names()...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.Close() })
	for name, calls := range map[string][2]func(context.Context) error{
		"redis-SET":           {setKey(b, servers.Env()), setKey(b, d.Env())},
		"dynamodb-ListTables": {listTables(servers.Env()), listTables(d.Env())},
	} {
		b.Run(name, func(b *testing.B) { compare(b, calls[0], calls[1]) })
	}
}

func setKey(b *testing.B, env map[string]string) func(context.Context) error {
	b.Helper()
	client, err := redisClient(env["REDIS_URL"])
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = client.Close() })
	return func(ctx context.Context) error { return client.Set(ctx, "key:1", "value", 0).Err() }
}

func listTables(env map[string]string) func(context.Context) error {
	client := dynamoClient(env["AWS_ENDPOINT_URL_DYNAMODB"])
	return func(ctx context.Context) error {
		_, err := client.ListTables(ctx, &dynamodb.ListTablesInput{Limit: sdk.Int32(1)})
		return err
	}
}

func compare(b *testing.B, direct, through func(context.Context) error) {
	b.Helper()
	var took [2][]time.Duration
	for b.Loop() {
		for i, call := range []func(context.Context) error{direct, through} {
			at := time.Now()
			if err := call(b.Context()); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(at))
		}
	}
	for i, name := range []string{"direct", "detour"} {
		slices.Sort(took[i])
		b.ReportMetric(microseconds(took[i], 50), name+"-p50-µs")
		b.ReportMetric(microseconds(took[i], 99), name+"-p99-µs")
	}
}

func microseconds(sorted []time.Duration, percent int) float64 {
	return float64(sorted[len(sorted)*percent/100].Nanoseconds()) / 1e3
}
