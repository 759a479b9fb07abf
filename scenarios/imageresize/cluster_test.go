//go:build unix

package imageresize

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/provingground/provingground/deploy/local/server/servertest"
	"github.com/provingground/provingground/pkg/sqsconsumer"
)

// cluster is the servers with the scenario's infrastructure, and what a test
// starts of the roles in this process.
type cluster struct {
	env     map[string]string // of the servers
	cfg     aws.Config        // of S3 and SQS
	db      aws.Config
	names   Names
	sqs     *sqs.Client
	s3      *s3.Client
	records *records
	log     *slog.Logger
	http    *httptest.Server
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{
		env: servers(t), log: slog.New(slog.NewJSONHandler(t.Output(), nil)),
		names: Names{Uploads: "imageresize-uploads", Renditions: "imageresize-renditions", Records: "imageresize-records", Queue: "imageresize-events"},
	}
	c.cfg = aws.Config{
		Region: c.env["AWS_REGION"], BaseEndpoint: aws.String(c.env["AWS_ENDPOINT_URL_S3"]),
		Credentials: credentials.NewStaticCredentialsProvider(c.env["AWS_ACCESS_KEY_ID"], c.env["AWS_SECRET_ACCESS_KEY"], ""),
	}
	c.db = c.cfg.Copy()
	c.db.BaseEndpoint = aws.String(c.env["AWS_ENDPOINT_URL_DYNAMODB"])
	c.sqs, c.s3, c.records = sqs.NewFromConfig(c.cfg), NewS3(c.cfg, ""), newRecords(c.db, c.names)
	c.provision(t, c.cfg)
	if *c.db.BaseEndpoint != *c.cfg.BaseEndpoint {
		c.provision(t, c.db)
	}
	c.http = httptest.NewServer(newAPI(c.uploads(), newMetrics(), c.log, 1e6))
	t.Cleanup(c.http.Close)
	return c
}

// servers are two emulators, or one LocalStack for everything: its functions run
// in its own network, where they reach no other.
func servers(t *testing.T) map[string]string {
	t.Helper()
	if os.Getenv("AWS_EMULATOR") != "localstack" {
		return servertest.Start(t, "aws", "dynamodb").Env()
	}
	env := servertest.Start(t, "aws").Env()
	env["AWS_ENDPOINT_URL_DYNAMODB"] = env["AWS_ENDPOINT_URL_S3"]
	return env
}

func (c *cluster) uploads() *Uploads {
	return &Uploads{
		ids: ids{[]byte("a key for tests")}, images: newImages(c.cfg, c.names), records: c.records,
		sign: newPresigner(c.s3, c.names.Uploads, c.names.Renditions), now: time.Now,
	}
}

// provision applies the template that deploy/aws holds.
func (c *cluster) provision(t *testing.T, cfg aws.Config) {
	t.Helper()
	template, err := os.ReadFile("../../deploy/aws/imageresize.yaml")
	if err != nil {
		t.Fatal(err)
	}
	client := cloudformation.NewFromConfig(cfg)
	if _, err := client.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: aws.String("imageresize"), TemplateBody: aws.String(string(template))}); err != nil {
		t.Fatal(err)
	}
	waiter := cloudformation.NewStackCreateCompleteWaiter(client, func(o *cloudformation.StackCreateCompleteWaiterOptions) { o.MinDelay = 50 * time.Millisecond })
	if err := waiter.Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String("imageresize")}, time.Minute); err != nil {
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

func (c *cluster) resizer() *Resizer {
	w := Work{Jobs: 2, Memory: 512 << 20}
	return &Resizer{images: newImages(c.cfg, c.names), records: c.records, jobs: newJobs(w.Jobs, limits(), w.Memory), metrics: newMetrics()}
}

func (c *cluster) queue(t *testing.T) sqsconsumer.Queue {
	t.Helper()
	q, err := sqsconsumer.FindQueue(t.Context(), c.sqs, c.names.Queue)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func (c *cluster) startWorker(t *testing.T) (stop func()) {
	t.Helper()
	w := c.resizer().worker(c.queue(t), c.log, 4*time.Second)
	w.Wait = time.Second
	return start(t, func(ctx context.Context) {
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
}

// eventually waits for a condition, with a bound that only a broken build meets.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// answer is what came back from one call.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func call(t *testing.T, method, url string, header map[string]string, body io.Reader) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
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

func (c *cluster) call(t *testing.T, method, path, body string) answer {
	t.Helper()
	return call(t, method, c.http.URL+path, map[string]string{"Content-Type": "application/json"}, strings.NewReader(body))
}

// permit asks for an upload of data.
func (c *cluster) permit(t *testing.T, name, contentType string, data []byte) Permit {
	t.Helper()
	sum := sha256.Sum256(data)
	body, err := json.Marshal(permitBody{Name: name, ContentType: contentType, Size: int64(len(data)), SHA256: base64.StdEncoding.EncodeToString(sum[:])})
	if err != nil {
		t.Fatal(err)
	}
	a := c.call(t, "POST", "/api/uploads", string(body))
	var p Permit
	if err := json.Unmarshal(a.body, &p); err != nil || a.status != http.StatusCreated {
		t.Fatalf("permit: %d %s", a.status, a.body)
	}
	return p
}

// put uploads by the permit's URL, and returns the version.
func put(t *testing.T, p Permit, data []byte) (version string) {
	t.Helper()
	a := call(t, "PUT", p.Put.URL, p.Put.Headers, bytes.NewReader(data))
	if a.status != http.StatusOK || a.header.Get("x-amz-version-id") == "" {
		t.Fatalf("upload: %d %s", a.status, a.body)
	}
	return a.header.Get("x-amz-version-id")
}

// post uploads by the permit's form, as a browser does.
func post(t *testing.T, f Form, data []byte) answer {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, value := range f.Fields {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.CreateFormFile("file", "file")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return call(t, "POST", f.URL, map[string]string{"Content-Type": w.FormDataContentType()}, &body)
}

func (c *cluster) find(t *testing.T, id string) Upload {
	t.Helper()
	a := c.call(t, "GET", "/api/uploads/"+id, "")
	var u Upload
	if err := json.Unmarshal(a.body, &u); err != nil || a.status != http.StatusOK {
		t.Fatalf("status of %s: %d %s", id, a.status, a.body)
	}
	return u
}

// settled waits until all versions of an upload have ended.
func (c *cluster) settled(t *testing.T, id string, versions int) []VersionStatus {
	t.Helper()
	var u Upload
	eventually(t, fmt.Sprintf("%d versions of %s have ended", versions, id), func() bool {
		u = c.find(t, id)
		ended := 0
		for _, v := range u.Versions {
			if v.State != Queued {
				ended++
			}
		}
		return ended == versions && len(u.Versions) == versions
	})
	return u.Versions
}

// dead returns the messages on the dead-letter queue whose body contains text.
func (c *cluster) dead(t *testing.T, text string) (found []types.Message) {
	t.Helper()
	q := c.queue(t)
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

func (c *cluster) send(t *testing.T, body string) {
	t.Helper()
	q := c.queue(t)
	if _, err := c.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.URL, MessageBody: &body}); err != nil {
		t.Fatal(err)
	}
}

// newBareAPI serves without any server behind it: what it answers costs no I/O.
func newBareAPI(t *testing.T, admitPerSecond float64) *httptest.Server {
	t.Helper()
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: aws.String("http://127.0.0.1:1"), Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")}
	u := &Uploads{ids: ids{[]byte("a key for tests")}, sign: newPresigner(NewS3(cfg, ""), "uploads", "renditions"), now: time.Now}
	srv := httptest.NewServer(newAPI(u, newMetrics(), slog.New(slog.NewJSONHandler(t.Output(), nil)), admitPerSecond))
	t.Cleanup(srv.Close)
	return srv
}

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
