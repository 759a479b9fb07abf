package leaderboard

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/redis/go-redis/v9"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/server/servertest"
)

const (
	adminToken = "administration token of the tests"
	players    = "players"
	keys       = "keys"
)

// cluster is two api processes in this one, over real servers.
type cluster struct {
	t         *testing.T // whose end is that of the processes
	servers   *server.Set
	db        *dynamodb.Client // of the test itself
	processes []*process
	urls      []string
	stops     []func()
	admin     *httptest.Server
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, servers: servertest.Start(t, "dynamodb", "redis")}
	c.db = c.clients(t).DynamoDB
	createTables(t, c.db)
	for range 2 {
		c.start()
	}
	c.admin = httptest.NewServer(newAdmin(c.processes[0].api, adminToken))
	t.Cleanup(c.admin.Close)
	return c
}

// clients makes those of one process.
func (c *cluster) clients(t *testing.T) Clients {
	t.Helper()
	env := c.servers.Env()
	cfg := aws.Config{
		Region:      env["AWS_REGION"],
		Credentials: credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
		Retryer:     func() aws.Retryer { return retry.NewStandard() },
	}
	o, err := redis.ParseURL(env["REDIS_URL"])
	if err != nil {
		t.Fatal(err)
	}
	o.MaxRetries, o.ContextTimeoutEnabled = -1, true
	rdb := redis.NewClient(o)
	c.t.Cleanup(func() { rdb.Close() })
	return Clients{
		DynamoDB: dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.BaseEndpoint = aws.String(env["AWS_ENDPOINT_URL_DYNAMODB"]) }),
		Streams: dynamodbstreams.NewFromConfig(cfg, func(o *dynamodbstreams.Options) {
			o.BaseEndpoint = aws.String(env["AWS_ENDPOINT_URL_DYNAMODB_STREAMS"])
		}),
		Redis: rdb,
	}
}

func createTables(t *testing.T, db *dynamodb.Client) {
	t.Helper()
	attribute := func(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: kind}
	}
	key := func(name string, kind types.KeyType) types.KeySchemaElement {
		return types.KeySchemaElement{AttributeName: &name, KeyType: kind}
	}
	for _, in := range []*dynamodb.CreateTableInput{
		{
			TableName:            aws.String(players),
			AttributeDefinitions: []types.AttributeDefinition{attribute("bucket", types.ScalarAttributeTypeN), attribute("player", types.ScalarAttributeTypeS)},
			KeySchema:            []types.KeySchemaElement{key("bucket", types.KeyTypeHash), key("player", types.KeyTypeRange)},
			StreamSpecification:  &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewImage},
		},
		{
			TableName:            aws.String(keys),
			AttributeDefinitions: []types.AttributeDefinition{attribute("id", types.ScalarAttributeTypeS)},
			KeySchema:            []types.KeySchemaElement{key("id", types.KeyTypeHash)},
		},
	} {
		in.BillingMode = types.BillingModePayPerRequest
		if _, err := db.CreateTable(t.Context(), in); err != nil {
			t.Fatalf("create table %s: %v", *in.TableName, err)
		}
	}
}

// start adds a process and waits until it has something to serve.
func (c *cluster) start() {
	t := c.t
	t.Helper()
	p := newProcess(Config{Players: players, Keys: keys, Admit: 1e6}, c.clients(t), slog.New(slog.NewJSONHandler(io.Discard, nil)))
	stop := p.start(context.WithoutCancel(t.Context()))
	stopped := false
	c.stops = append(c.stops, func() {
		if !stopped {
			stop()
		}
		stopped = true
	})
	t.Cleanup(c.stops[len(c.stops)-1])
	p.api.SetReady(true)
	c.processes = append(c.processes, p)
	c.urls = append(c.urls, serve(t, p.api.server()))
	eventually(t, "the process has an edition", func() bool { return p.board.edition() != nil })
}

func serve(t *testing.T, server fastServer) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// eventually waits for a condition, with a bound that only a broken build meets.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// reply is what came back from one call: status, headers and body.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func call(t *testing.T, method, url string, header map[string]string, body string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, raw}
}

// into decodes the body, which must be that of a success.
func (r reply) into(t *testing.T, v any) {
	t.Helper()
	if r.status != http.StatusOK {
		t.Fatalf("answer %d %s, want 200", r.status, r.body)
	}
	if err := json.Unmarshal(r.body, v); err != nil {
		t.Fatalf("answer %q: %v", r.body, err)
	}
}

func (c *cluster) post(t *testing.T, process int, key, body string) reply {
	t.Helper()
	header := map[string]string{"Content-Type": "application/json"}
	if key != "" {
		header["Idempotency-Key"] = key
	}
	return call(t, "POST", c.urls[process]+"/api/scores", header, body)
}

// submit reports a score that must be accepted.
func (c *cluster) submit(t *testing.T, process int, player string, score int64) Receipt {
	t.Helper()
	var r Receipt
	c.post(t, process, "", fmt.Sprintf(`{"player":%q,"name":%q,"score":%d}`, player, "Name of "+player, score)).into(t, &r)
	return r
}

func (c *cluster) page(t *testing.T, process, n int) Page {
	t.Helper()
	var p Page
	call(t, "GET", fmt.Sprintf("%s/api/pages/%d", c.urls[process], n), nil, "").into(t, &p)
	return p
}

// order returns the players of the first page, best first.
func (c *cluster) order(t *testing.T, process int) []string {
	t.Helper()
	var all []string
	for _, e := range c.page(t, process, 1).Entries {
		all = append(all, e.Player)
	}
	return all
}

// awaitSequence waits until a process serves an edition that holds a sequence.
func (c *cluster) awaitSequence(t *testing.T, process int, sequence int64) {
	t.Helper()
	eventually(t, fmt.Sprintf("process %d serves sequence %d", process, sequence), func() bool {
		return c.processes[process].board.edition().through >= sequence
	})
}

func wantStatus(t *testing.T, what string, r reply, status int) {
	t.Helper()
	if r.status != status {
		t.Errorf("%s: %d %s, want %d", what, r.status, r.body, status)
	}
	if status >= 400 && r.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: error of type %q, want application/problem+json", what, r.header.Get("Content-Type"))
	}
}

// value reads a counter or gauge.
func value(t *testing.T, c prometheus.Metric) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue() + m.GetGauge().GetValue()
}
