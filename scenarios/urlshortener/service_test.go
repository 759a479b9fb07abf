package urlshortener

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/redis/go-redis/v9"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/server/servertest"
)

const adminToken = "administration token of the tests"

// cluster is two api processes in this one, over real servers.
type cluster struct {
	servers *server.Set
	db      *dynamodb.Client
	rdb     *redis.Client
	apis    []*API
	public  []*httptest.Server
	admin   *httptest.Server
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{servers: servertest.Start(t, "dynamodb", "redis")}
	env := c.servers.Env()
	c.db = dynamodb.New(dynamodb.Options{
		Region:       env["AWS_REGION"],
		BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL_DYNAMODB"]),
		Credentials:  credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
	})
	c.rdb = redis.NewClient(redisOptions(t, env["REDIS_URL"]))
	t.Cleanup(func() { c.rdb.Close() })
	createTable(t, c.db)
	for range 2 {
		c.start(t)
	}
	c.admin = httptest.NewServer(newAdmin(c.apis[0], adminToken))
	t.Cleanup(c.admin.Close)
	return c
}

func redisOptions(t *testing.T, raw string) *redis.Options {
	t.Helper()
	o, err := redis.ParseURL(raw)
	if err != nil {
		t.Fatal(err)
	}
	o.MaxRetries = -1
	o.DialTimeout, o.ReadTimeout = 250*time.Millisecond, 250*time.Millisecond
	return o
}

func createTable(t *testing.T, db *dynamodb.Client) {
	t.Helper()
	_, err := db.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName:            aws.String("links"),
		BillingMode:          types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("name"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("name"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		t.Fatalf("create table: %v", err)
	}
}

// start adds a process: an API with its background work.
func (c *cluster) start(t *testing.T) {
	t.Helper()
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	public := &url.URL{Scheme: "https", Host: "sho.rt"}
	api, err := newProcess(Config{Public: public, Table: "links", StoreReads: 150, Admit: 1e6, CodeKey: []byte("one key for all processes")}, c.db, c.rdb, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	go func() { api.service.shared.listen(ctx, log, api.service.memory.drop); done <- struct{}{} }()
	go func() { api.service.clicks.run(ctx); done <- struct{}{} }()
	t.Cleanup(func() { stop(); <-done; <-done; api.service.memory.close() })
	eventually(t, "the process listens for changes", func() bool {
		n, err := c.rdb.PubSubNumSub(t.Context(), changes).Result()
		return err == nil && int(n[changes]) == len(c.apis)+1
	})
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	c.apis = append(c.apis, api)
	c.public = append(c.public, srv)
}

// eventually waits for a condition, with a bound that only a broken build meets.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// answer is what came back from one call: status, headers and body.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.body, &m); err != nil {
		t.Fatalf("answer %q: %v", a.body, err)
	}
	return m
}

func call(t *testing.T, method, url string, header map[string]string, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
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
	return answer{resp.StatusCode, resp.Header, raw}
}

func (c *cluster) create(t *testing.T, process int, key, body string) answer {
	t.Helper()
	header := map[string]string{"Content-Type": "application/json"}
	if key != "" {
		header["Idempotency-Key"] = key
	}
	return call(t, "POST", c.public[process].URL+"/api/links", header, body)
}

func (c *cluster) get(t *testing.T, process int, name string) answer {
	t.Helper()
	return call(t, "GET", c.public[process].URL+"/"+name, nil, "")
}

// made creates a link that must succeed and returns its code and token.
func (c *cluster) made(t *testing.T, body string) (code, token string) {
	t.Helper()
	a := c.create(t, 0, "", body)
	if a.status != http.StatusCreated {
		t.Fatalf("create %s: %d %s", body, a.status, a.body)
	}
	m := a.json(t)
	return m["code"].(string), m["management_token"].(string)
}

func (c *cluster) delete(t *testing.T, process int, code, token string) answer {
	t.Helper()
	return call(t, "DELETE", c.public[process].URL+"/api/links/"+code, map[string]string{"Authorization": "Bearer " + token}, "")
}

func wantStatus(t *testing.T, what string, a answer, status int) {
	t.Helper()
	if a.status != status {
		t.Errorf("%s: %d %s, want %d", what, a.status, bytes.TrimSpace(a.body), status)
	}
	if status >= 400 && a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: error of type %q, want application/problem+json", what, a.header.Get("Content-Type"))
	}
}

func (c *cluster) wantRedirect(t *testing.T, process int, name, target string) {
	t.Helper()
	a := c.get(t, process, name)
	if a.status != http.StatusFound || a.header.Get("Location") != target {
		t.Errorf("GET /%s from process %d: %d to %q, want 302 to %q", name, process, a.status, a.header.Get("Location"), target)
	}
}

func TestURLShortener(t *testing.T) {
	c := newCluster(t)
	for name, test := range map[string]func(*testing.T, *cluster){
		"a link resolves at once in every process":           linkResolves,
		"a deleted link is gone in every process":            deletedIsGone,
		"an expired link is gone at its expiry":              expiredIsGone,
		"an alias is given once at a time":                   aliasOnce,
		"a repeated creation gets the first answer":          repeatedCreation,
		"bad requests are refused with a problem":            badRequests,
		"only the owner describes and deletes":               onlyOwner,
		"clicks are counted":                                 clicksCounted,
		"many readers of a cold link cost one store read":    oneRead,
		"a slow fill does not bring back a deleted link":     slowFill,
		"a crash before the announcement leaves the barrier": crashInDelete,
		"who did not listen catches up":                      catchUp,
		"a connection that died without a word is left":      deadConnection,
		"an import makes the same links when repeated":       importRepeated,
		"administration needs its token":                     adminNeedsToken,
		"names that cannot exist cost no lookup":             noLookup,
		"store reads are capped":                             cappedReads,
	} {
		t.Run(name, func(t *testing.T) { test(t, c) })
	}
}

func linkResolves(t *testing.T, c *cluster) {
	code, _ := c.made(t, `{"url":"https://example.com/a"}`)
	c.wantRedirect(t, 0, code, "https://example.com/a")
	c.wantRedirect(t, 1, code, "https://example.com/a")
	a := c.get(t, 0, code)
	if got := a.header.Get("Cache-Control"); got != "public, max-age=1" {
		t.Errorf("Cache-Control = %q, want a second at most", got)
	}
}

func deletedIsGone(t *testing.T, c *cluster) {
	code, token := c.made(t, `{"url":"https://example.com/a"}`)
	c.wantRedirect(t, 0, code, "https://example.com/a") // both have it in memory
	c.wantRedirect(t, 1, code, "https://example.com/a")
	wantStatus(t, "delete", c.delete(t, 0, code, token), http.StatusNoContent)
	wantStatus(t, "get from the process that deleted", c.get(t, 0, code), http.StatusNotFound)
	eventually(t, "the other process knows", func() bool { return c.get(t, 1, code).status == http.StatusNotFound })
	wantStatus(t, "delete again, as after a lost answer", c.delete(t, 1, code, token), http.StatusNoContent)
}

func expiredIsGone(t *testing.T, c *cluster) {
	expires := time.Now().Add(time.Second)
	code, _ := c.made(t, fmt.Sprintf(`{"url":"https://example.com/a","expires_at":%q}`, expires.Format(time.RFC3339Nano)))
	if a := c.get(t, 0, code); a.status == http.StatusFound && a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control in the last second = %q, want no-store", a.header.Get("Cache-Control"))
	}
	eventually(t, "the link has expired", func() bool { return time.Now().After(expires) })
	for process := range 2 {
		wantStatus(t, "get after expiry", c.get(t, process, code), http.StatusNotFound)
	}
}

func aliasOnce(t *testing.T, c *cluster) {
	const body = `{"url":"https://example.com/%d","alias":"only-one"}`
	answers := make(chan int, 10)
	for i := range cap(answers) {
		go func() { answers <- c.create(t, i%2, "", fmt.Sprintf(body, i)).status }()
	}
	made := 0
	for range cap(answers) {
		switch status := <-answers; status {
		case http.StatusCreated:
			made++
		case http.StatusConflict:
		default:
			t.Errorf("claim: %d, want 201 or 409", status)
		}
	}
	if made != 1 {
		t.Errorf("%d of %d claims of one alias were granted, want 1", made, cap(answers))
	}
}

func repeatedCreation(t *testing.T, c *cluster) {
	const key, body = "key-of-a-repeated-creation", `{"url":"https://example.com/r","alias":"repeated"}`
	first := c.create(t, 0, key, body)
	second := c.create(t, 1, key, body) // as after a lost answer, to the other process
	wantStatus(t, "first", first, http.StatusCreated)
	wantStatus(t, "repeated", second, http.StatusCreated)
	if !bytes.Equal(first.body, second.body) {
		t.Errorf("repeated creation got %s, the first one %s", second.body, first.body)
	}
	wantStatus(t, "same key, other body", c.create(t, 0, key, `{"url":"https://example.com/other"}`), http.StatusUnprocessableEntity)
	token := first.json(t)["management_token"].(string)
	wantStatus(t, "delete", c.delete(t, 0, "repeated", token), http.StatusNoContent)
	wantStatus(t, "a late copy of the creation", c.create(t, 0, key, body), http.StatusCreated)
	wantStatus(t, "which brings nothing back", c.get(t, 0, "repeated"), http.StatusNotFound)
	wantStatus(t, "the alias is free again", c.create(t, 1, "", body), http.StatusCreated)
	c.wantRedirect(t, 1, "repeated", "https://example.com/r")
	eventually(t, "the other process sees the alias's next life", func() bool { return c.get(t, 0, "repeated").status == http.StatusFound })
}

func badRequests(t *testing.T, c *cluster) {
	jsonType := map[string]string{"Content-Type": "application/json"}
	for _, tt := range []struct {
		name, body string
		header     map[string]string
		want       int
	}{
		{"malformed JSON", `{"url":`, jsonType, 400},
		{"two values", `{"url":"https://example.com"}{}`, jsonType, 400},
		{"unknown field", `{"url":"https://example.com","x":1}`, jsonType, 400},
		{"no body", ``, jsonType, 400},
		{"script", `{"url":"javascript:alert(1)"}`, jsonType, 400},
		{"header injection", `{"url":"https://example.com/\r\nX: y"}`, jsonType, 400},
		{"a loop", `{"url":"https://sho.rt/abc"}`, jsonType, 400},
		{"alias with a slash", `{"url":"https://example.com","alias":"a/b"}`, jsonType, 400},
		{"expiry in the past", `{"url":"https://example.com","expires_at":"2020-01-01T00:00:00Z"}`, jsonType, 400},
		{"expiry that is no time", `{"url":"https://example.com","expires_at":"soon"}`, jsonType, 400},
		{"body over the limit", `{"url":"` + strings.Repeat("x", 9000) + `"}`, jsonType, 413},
		{"wrong content type", `url=x`, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 415},
		{"no content type", `{}`, nil, 415},
		{"short idempotency key", `{}`, map[string]string{"Content-Type": "application/json", "Idempotency-Key": "short"}, 400},
	} {
		wantStatus(t, tt.name, call(t, "POST", c.public[0].URL+"/api/links", tt.header, tt.body), tt.want)
	}
	if a := call(t, "POST", c.public[0].URL+"/abc", nil, ""); a.status != 405 && a.status != 404 {
		t.Errorf("POST to a link: %d, want 404 or 405", a.status)
	}
}

func onlyOwner(t *testing.T, c *cluster) {
	code, token := c.made(t, `{"url":"https://example.com/mine"}`)
	_, other := c.made(t, `{"url":"https://example.com/theirs"}`)
	link := c.public[0].URL + "/api/links/" + code
	wantStatus(t, "describe without token", call(t, "GET", link, nil, ""), 401)
	wantStatus(t, "describe with another's token", call(t, "GET", link, map[string]string{"Authorization": "Bearer " + other}, ""), 403)
	wantStatus(t, "delete with another's token", c.delete(t, 0, code, other), 403)
	a := call(t, "GET", link, map[string]string{"Authorization": "Bearer " + token}, "")
	if a.status != 200 || a.json(t)["url"] != "https://example.com/mine" || strings.Contains(string(a.body), "management_token") {
		t.Errorf("describe by the owner: %d %s", a.status, a.body)
	}
}

func clicksCounted(t *testing.T, c *cluster) {
	code, token := c.made(t, `{"url":"https://example.com/clicked"}`)
	for i := range 20 {
		c.wantRedirect(t, i%2, code, "https://example.com/clicked")
	}
	call(t, "HEAD", c.public[0].URL+"/"+code, nil, "") // no click
	eventually(t, "20 clicks are counted", func() bool {
		a := call(t, "GET", c.public[0].URL+"/api/links/"+code, map[string]string{"Authorization": "Bearer " + token}, "")
		return a.status == 200 && a.json(t)["clicks"] == 20.0
	})
}

func oneRead(t *testing.T, c *cluster) {
	code, _ := c.made(t, `{"url":"https://example.com/viral"}`)
	c.forget(t, code)
	before := counter(c.apis[0].metrics.lookups.storeRead)
	done := make(chan struct{})
	for range 50 {
		go func() { c.wantRedirect(t, 0, code, "https://example.com/viral"); done <- struct{}{} }()
	}
	for range 50 {
		<-done
	}
	if n := counter(c.apis[0].metrics.lookups.storeRead) - before; n != 1 {
		t.Errorf("50 readers of a cold link cost %v store reads, want 1", n)
	}
}

// forget empties the caches of one name.
func (c *cluster) forget(t *testing.T, name string) {
	t.Helper()
	if err := c.rdb.Del(t.Context(), linkKey(name)).Err(); err != nil {
		t.Fatal(err)
	}
	for _, api := range c.apis {
		api.service.memory.drop(name)
	}
}

// slowFill replays a reader that read the store before a deletion and offers
// what it read after it.
func slowFill(t *testing.T, c *cluster) {
	code, token := c.made(t, `{"url":"https://example.com/slow"}`)
	stale, err := c.apis[0].service.store.get(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	c.forget(t, code)
	wantStatus(t, "delete", c.delete(t, 0, code, token), http.StatusNoContent)
	if err := c.apis[1].service.shared.put(t.Context(), stale); err != nil {
		t.Fatal(err)
	}
	for process := range 2 {
		wantStatus(t, "get", c.get(t, process, code), http.StatusNotFound)
	}
}

// crashInDelete ends a deletion as a killed process would, between the
// tombstone and its announcement.
func crashInDelete(t *testing.T, c *cluster) {
	code, _ := c.made(t, `{"url":"https://example.com/crash"}`)
	s := c.apis[0].service
	link, err := s.store.get(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.shared.raiseBarrier(t.Context(), code); err != nil {
		t.Fatal(err)
	}
	if err := s.shared.put(t.Context(), link); err != nil { // a reader in between
		t.Fatal(err)
	}
	if _, err := s.store.delete(t.Context(), link, time.Now()); err != nil {
		t.Fatal(err)
	}
	for process, api := range c.apis {
		api.service.memory.drop(code) // what a memory cache does within its minute
		wantStatus(t, "get", c.get(t, process, code), http.StatusNotFound)
	}
}

// catchUp is a process whose subscription was gone when a deletion was announced: the
// announcement itself reaches nobody late.
func catchUp(t *testing.T, c *cluster) {
	code, token := c.made(t, `{"url":"https://example.com/missed"}`)
	wantStatus(t, "delete", c.delete(t, 0, code, token), http.StatusNoContent)
	heard := hears(t, c.rdb)
	heard(code)
}

// deadConnection is a Redis that goes without a word, as a machine does that loses its
// power, and another one at its address.
func deadConnection(t *testing.T, c *cluster) {
	path := newPath(t, c.rdb.Options().Addr)
	o := *c.rdb.Options()
	o.Addr = path.addr
	rdb := redis.NewClient(&o)
	t.Cleanup(func() { rdb.Close() })
	heard := hears(t, rdb)
	code, token := c.made(t, `{"url":"https://example.com/silent"}`)
	wantStatus(t, "delete", c.delete(t, 0, code, token), http.StatusNoContent)
	heard(code)
	path.mute()
	code, token = c.made(t, `{"url":"https://example.com/unheard"}`)
	wantStatus(t, "delete", c.delete(t, 0, code, token), http.StatusNoContent)
	heard(code)
}

// hears starts to listen, and returns what waits for a name.
func hears(t *testing.T, rdb *redis.Client) func(name string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	names := make(chan string, 10_000)
	var listening sync.WaitGroup
	listening.Go(func() {
		newSharedCache(rdb, time.Now).listen(ctx, slog.New(slog.DiscardHandler), func(name string) { names <- name })
	})
	t.Cleanup(func() { stop(); listening.Wait() })
	return func(want string) {
		t.Helper()
		limit := time.After(20 * time.Second)
		for {
			select {
			case name := <-names:
				if name == want {
					return
				}
			case <-limit:
				t.Fatal("a deletion that was announced is not heard of")
			}
		}
	}
}

// path leads connections to a server; those that are there can fall silent, and stay
// open.
type path struct {
	addr  string
	mu    sync.Mutex
	conns []net.Conn
	muted []*atomic.Bool // of each connection: nothing passes any more
}

func newPath(t *testing.T, to string) *path {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &path{addr: l.Addr().String()}
	var carrying sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		p.close()
		carrying.Wait()
	})
	carrying.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			muted := &atomic.Bool{}
			p.mu.Lock()
			p.conns = append(p.conns, near, far)
			p.muted = append(p.muted, muted)
			p.mu.Unlock()
			carrying.Go(func() { carry(far, near, muted) })
			carrying.Go(func() { carry(near, far, muted) })
		}
	})
	return p
}

func carry(to io.Writer, from io.Reader, muted *atomic.Bool) {
	piece := make([]byte, 4096)
	for {
		n, err := from.Read(piece)
		if err != nil {
			return
		}
		if muted.Load() {
			continue
		}
		if _, err := to.Write(piece[:n]); err != nil {
			return
		}
	}
}

func (p *path) mute() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, muted := range p.muted {
		muted.Store(true)
	}
}

func (p *path) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
}

func importRepeated(t *testing.T, c *cluster) {
	const body = `{"urls":["https://example.com/i/1","https://example.com/i/2"]}`
	header := map[string]string{"Content-Type": "application/json", "Idempotency-Key": "key-of-the-import", "Authorization": "Bearer " + adminToken}
	first := call(t, "POST", c.admin.URL+"/admin/links", header, body)
	again := call(t, "POST", c.admin.URL+"/admin/links", header, body)
	wantStatus(t, "import", first, http.StatusCreated)
	if !bytes.Equal(first.body, again.body) {
		t.Errorf("repeated import made %s, the first one %s", again.body, first.body)
	}
	for i, code := range first.json(t)["codes"].([]any) {
		c.wantRedirect(t, 1, code.(string), fmt.Sprintf("https://example.com/i/%d", i+1))
	}
	code := first.json(t)["codes"].([]any)[0].(string)
	wantStatus(t, "take down", call(t, "DELETE", c.admin.URL+"/admin/links/"+code, header, ""), http.StatusNoContent)
	wantStatus(t, "get", c.get(t, 0, code), http.StatusNotFound)
}

func adminNeedsToken(t *testing.T, c *cluster) {
	for _, token := range []string{"", "Bearer ", "Bearer wrong", adminToken} {
		header := map[string]string{"Authorization": token}
		wantStatus(t, fmt.Sprintf("token %q", token), call(t, "DELETE", c.admin.URL+"/admin/links/abc", header, ""), http.StatusUnauthorized)
	}
	if a := call(t, "GET", c.public[0].URL+"/admin/links", nil, ""); a.status != 404 && a.status != 405 {
		t.Errorf("administration on the public listener: %d, want 404", a.status)
	}
}

func noLookup(t *testing.T, c *cluster) {
	lookups := c.apis[0].metrics.lookups
	before := counter(lookups.asked)
	for _, name := range []string{"0123456789", "xyz.php", "A", strings.Repeat("a", 500), "..%2fetc"} {
		wantStatus(t, name, c.get(t, 0, name), http.StatusNotFound)
	}
	if n := counter(lookups.asked) - before; n != 0 {
		t.Errorf("names that cannot exist cost %v lookups, want 0", n)
	}
}

func cappedReads(t *testing.T, c *cluster) {
	lookups := c.apis[1].metrics.lookups
	reads, start := counter(lookups.storeRead), time.Now()
	refused := 0
	for i := range 400 {
		switch a := c.get(t, 1, fmt.Sprintf("nobody-%d", i)); a.status {
		case http.StatusNotFound:
		case http.StatusServiceUnavailable:
			refused++
			if a.header.Get("Retry-After") == "" {
				t.Fatal("503 without Retry-After")
			}
		default:
			t.Fatalf("unknown alias: %d %s", a.status, a.body)
		}
	}
	allowed := 15 + 150*time.Since(start).Seconds() + 1
	if n := counter(lookups.storeRead) - reads; n > allowed {
		t.Errorf("400 unknown aliases cost %v store reads in %v, want at most %.0f", n, time.Since(start), allowed)
	}
	if refused == 0 && time.Since(start) < 2*time.Second {
		t.Error("no unknown alias was refused, though 400 came within two seconds")
	}
}

// counter reads a counter of a process.
func counter(c prometheus.Counter) float64 {
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		return -1
	}
	return m.GetCounter().GetValue()
}
