//go:build unix

package ordernotify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/sqsconsumer"
	"github.com/provingground/provingground/pkg/traces"
)

const (
	topicARN    = "arn:aws:sns:us-east-1:000000000000:ordernotify-events"
	sesTopicARN = "arn:aws:sns:us-east-1:000000000000:ordernotify-ses-events"
	sender      = "orders@shop.example"
)

// cluster is the servers with the scenario's infrastructure, and what a test
// starts of the roles in this process.
type cluster struct {
	servers *server.Set
	cfg     aws.Config
	db      *pgxpool.Pool
	sqs     *sqs.Client
	ses     *ses.Client
	log     *slog.Logger
	http    *httptest.Server
	traces  *traces.Provider // none, but where they are tested
}

func logTo(t *testing.T) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewJSONHandler(t.Output(), nil))
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{servers: servertest.Start(t, "aws", "postgres"), log: logTo(t)}
	env := c.servers.Env()
	c.cfg = aws.Config{
		Region: env["AWS_REGION"], BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL_SNS"]),
		Credentials: credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
	}
	c.sqs = sqs.NewFromConfig(c.cfg)
	c.ses = ses.NewFromConfig(c.cfg, func(o *ses.Options) { o.RetryMaxAttempts = 1 })
	c.provision(t)
	c.db = openDatabase(t, servertest.Database(t, c.servers))
	if err := prepare(t.Context(), c.db); err != nil {
		t.Fatal(err)
	}
	c.http = httptest.NewServer(newAPI(c.service(c.db), newMetrics(), 1e6))
	t.Cleanup(c.http.Close)
	return c
}

func openDatabase(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	db, err := OpenDatabase(t.Context(), url, "test", 20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func (c *cluster) service(db *pgxpool.Pool) *Service {
	return &Service{db: db, keys: records(), events: orderEvents(), log: c.log}
}

// provision applies the template that deploy/aws holds.
func (c *cluster) provision(t *testing.T) {
	t.Helper()
	template, err := os.ReadFile("../../deploy/aws/ordernotify.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := provision.Apply(t.Context(), c.servers.Env(), "ordernotify", string(template)); err != nil {
		t.Fatal(err)
	}
}

// start runs one part of a role until the test or stop ends it.
func start(t *testing.T, run func(context.Context)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

func (c *cluster) startRelay(t *testing.T) (stop func()) {
	r := &relay{db: c.db, topic: &topic{sns.NewFromConfig(c.cfg), topicARN}, metrics: newMetrics(), log: c.log}
	return start(t, r.run)
}

func (c *cluster) startInventory(t *testing.T) (stop func()) {
	i := &inventory{db: c.db, metrics: newMetrics()}
	consumer := consumer(c.queue(t, "ordernotify-inventory"), c.db, i.metrics, c.log, 4*time.Second, i.handle)
	return start(t, func(ctx context.Context) {
		if err := consumer.Run(ctx); err != nil {
			t.Error(err)
		}
	})
}

// mailRows have a short lease, so that a takeover is not waited for.
func (c *cluster) mailRows() *mails {
	return &mails{db: c.db, sender: "test/1", lease: time.Second, wait: 500 * time.Millisecond}
}

func (c *cluster) newEmail(rows *mails) *email {
	return &email{mails: rows, ses: &mailer{c.ses, sender, "ordernotify"}, metrics: newMetrics(), log: c.log}
}

func (c *cluster) startEmail(t *testing.T) (stop func()) {
	e := c.newEmail(c.mailRows())
	consumer := consumer(c.queue(t, "ordernotify-email"), c.db, e.metrics, c.log, 4*time.Second, e.handle)
	return start(t, func(ctx context.Context) {
		if err := consumer.Run(ctx); err != nil {
			t.Error(err)
		}
	})
}

// startSESEvents consumes SES's own events, which the stand-in publishes.
func (c *cluster) startSESEvents(t *testing.T) (stop func()) {
	mailbox := c.listOfMails(t)
	l := &looker{
		StandIn: StandIn{Mailbox: mailbox, Topic: sesTopicARN, ConfigurationSet: "ordernotify", Every: 50 * time.Millisecond},
		sns:     sns.NewFromConfig(c.cfg), metrics: newMetrics(), log: c.log, http: http.DefaultClient, since: time.Now().Add(-fresh), seen: map[string]int{},
	}
	e := &sesEvents{mails: c.mailRows(), metrics: newMetrics()}
	consumer := consumer(c.queue(t, "ordernotify-ses-events"), c.db, e.metrics, c.log, 4*time.Second, e.handle)
	return start(t, func(ctx context.Context) {
		var looking sync.WaitGroup
		defer looking.Wait()
		looking.Go(func() { l.run(ctx) })
		if err := consumer.Run(ctx); err != nil {
			t.Error(err)
		}
	})
}

// listOfMails returns the address of what the stand-in looks at: MiniStack's list,
// or LocalStack's in the same shape.
func (c *cluster) listOfMails(t *testing.T) *url.URL {
	t.Helper()
	address := *c.cfg.BaseEndpoint + "/_ministack/ses/messages"
	if os.Getenv("AWS_EMULATOR") == "localstack" {
		srv := httptest.NewServer(http.HandlerFunc(c.translateMails))
		t.Cleanup(srv.Close)
		address = srv.URL
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// translateMails answers with LocalStack's list of mails in MiniStack's shape.
func (c *cluster) translateMails(w http.ResponseWriter, _ *http.Request) {
	resp, err := http.Get(*c.cfg.BaseEndpoint + "/_aws/ses")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	var list struct {
		Messages []struct {
			ID          string `json:"Id"`
			Source      string
			Destination struct{ ToAddresses []string }
			Body        struct {
				Text string `json:"text_part"`
			}
		} `json:"messages"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	mails := []acceptedMail{}
	for _, m := range list.Messages {
		mails = append(mails, acceptedMail{MessageID: m.ID, Source: m.Source, To: m.Destination.ToAddresses, BodyText: m.Body.Text, Timestamp: float64(time.Now().Unix())})
	}
	if err := json.NewEncoder(w).Encode(map[string]any{"Messages": map[string][]acceptedMail{"000000000000": mails}}); err != nil {
		c.log.Warn("list of mails", "error", err)
	}
}

func (c *cluster) queue(t *testing.T, name string) sqsconsumer.Queue {
	t.Helper()
	q, err := sqsconsumer.FindQueue(t.Context(), c.sqs, name)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// eventually waits for a condition, with a bound that only a broken build meets.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// answer is what came back from one call.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (c *cluster) call(t *testing.T, method, path string, header map[string]string, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.http.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, raw}
}

// place places an order and returns its id.
func (c *cluster) place(t *testing.T, product string, quantity int) string {
	t.Helper()
	body := fmt.Sprintf(`{"product":%q,"quantity":%d,"email":"ada@example.com"}`, product, quantity)
	a := c.call(t, "POST", "/api/orders", map[string]string{"Content-Type": "application/json"}, body)
	if a.status != http.StatusAccepted {
		t.Fatalf("place: %d %s", a.status, a.body)
	}
	return a.order(t).ID
}

func (a answer) order(t *testing.T) Order {
	t.Helper()
	var o Order
	if err := json.Unmarshal(a.body, &o); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return o
}

func (c *cluster) find(t *testing.T, id string) Order {
	t.Helper()
	return c.call(t, "GET", "/api/orders/"+id, nil, "").order(t)
}

// product makes a product of its own for a test.
func (c *cluster) product(t *testing.T, stock int) string {
	t.Helper()
	name := "p" + strconv.FormatInt(time.Now().UnixNano(), 36)
	if err := c.service(c.db).Stock(t.Context(), name, stock); err != nil {
		t.Fatal(err)
	}
	return name
}

func (c *cluster) wantStock(t *testing.T, product string, want int) {
	t.Helper()
	var got int
	if err := c.db.QueryRow(t.Context(), "SELECT stock FROM products WHERE id = $1", product).Scan(&got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("stock of %s is %d, want %d", product, got, want)
	}
}

// mailbox returns what SES accepted, as JSON of the emulator's own: MiniStack's,
// else LocalStack's.
func (c *cluster) mailbox(t *testing.T) string {
	t.Helper()
	var last string
	for _, path := range []string{"/_ministack/ses/messages", "/_aws/ses"} {
		resp, err := http.Get(*c.cfg.BaseEndpoint + path)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil && resp.StatusCode == http.StatusOK {
			return string(raw)
		}
		last = fmt.Sprintf("%s %v %s", resp.Status, err, raw)
	}
	t.Fatalf("mailbox: %s", last)
	return ""
}

// inbox returns the mails about an order that SES accepted, by their references.
func (c *cluster) inbox(t *testing.T, order string) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, part := range strings.Split(c.mailbox(t), "Reference: "+order+"/")[1:] {
		kind, _, _ := strings.Cut(part, `\n`)
		found[kind]++
	}
	return found
}

// dead returns the messages on a dead-letter queue whose body contains text.
func (c *cluster) dead(t *testing.T, queueName, text string) (found []types.Message) {
	t.Helper()
	q := c.queue(t, queueName)
	out, err := c.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &q.DeadLetterURL, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}, VisibilityTimeout: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range out.Messages {
		if strings.Contains(aws.ToString(m.Body), text) {
			found = append(found, m)
		}
	}
	return found
}
